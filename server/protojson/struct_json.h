#pragma once

#include <google/protobuf/struct.pb.h>
#include <simdjson.h>

#include <string>
#include <string_view>

#include "server/base/error.h"

namespace mcpbridge {

// How deep protobuf's C++, Java and Python readers let messages nest before they refuse the bytes.
inline constexpr int kProtobufDepthLimit = 100;

// JSON text of `value`: an object. Whole numbers up to 2^53 are written as integers, so that a
// server which asks for an integer gets one. Members stand in the order of their names: equal
// values have equal texts. A Value of no kind is null. Errors: kInvalidArguments (NaN or an
// infinity, which JSON doesn't have).
Result<std::string> StructToJson(const google::protobuf::Struct& value);

enum class FromJson {
  kDone,
  kMalformed,  // not JSON, not an object (ObjectToStruct), or a number beyond a double's range
  kTooDeep,    // more than `depth` nested messages: no client could read it
  kInexact,    // an integer that no double is equal to; only where they are to be exact
};

// What becomes of integers beyond 2^53, most of which a double can't hold.
enum class Integers { kRounded, kExact };

// Fills `out`, which is empty and may itself contain messages nested `depth` deep.
FromJson JsonToValue(simdjson::ondemand::value json, int depth, google::protobuf::Value& out,
                     Integers integers = Integers::kRounded);
FromJson ObjectToStruct(simdjson::ondemand::value json, int depth, google::protobuf::Struct& out,
                        Integers integers = Integers::kRounded);

// The same from the text of one object, as deep as a message of its own.
FromJson TextToStruct(std::string_view json, google::protobuf::Struct& out,
                      Integers integers = Integers::kRounded);

}  // namespace mcpbridge
