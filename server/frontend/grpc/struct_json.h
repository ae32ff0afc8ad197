#pragma once

#include <google/protobuf/struct.pb.h>
#include <simdjson.h>

#include <string>

#include "server/base/error.h"

namespace mcpbridge {

// How deep protobuf's C++, Java and Python readers let messages nest before they refuse the bytes.
inline constexpr int kProtobufDepthLimit = 100;

// JSON text of `value`: an object. Whole numbers up to 2^53 are written as integers, so that a
// server which asks for an integer gets one. Members stand in no particular order; a Value of no
// kind is null. Errors: kInvalidArguments (NaN or an infinity, which JSON doesn't have).
Result<std::string> StructToJson(const google::protobuf::Struct& value);

enum class FromJson {
  kDone,
  kMalformed,  // not JSON, not an object (ObjectToStruct), or a number beyond a double's range
  kTooDeep,    // more than `depth` nested messages: no client could read it
};

// Fills `out`, which is empty and may itself contain messages nested `depth` deep.
FromJson JsonToValue(simdjson::ondemand::value json, int depth, google::protobuf::Value& out);
FromJson ObjectToStruct(simdjson::ondemand::value json, int depth, google::protobuf::Struct& out);

}  // namespace mcpbridge
