#include "client/call_error.h"

#include <google/protobuf/empty.pb.h>
#include <google/protobuf/unknown_field_set.h>

#include <string_view>
#include <utility>

namespace mcpbridge::client {
namespace {

using google::protobuf::Empty;
using google::protobuf::UnknownField;

// google.rpc messages are read field by field, without generated code for them: a program may well
// contain that already (googleapis), and two copies in one process end it at start.
// Calls `visit(field)` for each field of the serialised message; false if it doesn't parse.
template <class Visit>
bool ForEachField(const std::string& message, const Visit& visit) {
  Empty fields;
  if (!fields.ParseFromString(message)) return false;
  const auto& set = fields.GetReflection()->GetUnknownFields(fields);
  for (int i = 0; i < set.field_count(); ++i) visit(set.field(i));
  return true;
}

bool IsBytes(const UnknownField& field, int number) {
  return field.number() == number && field.type() == UnknownField::TYPE_LENGTH_DELIMITED;
}

bool IsVarint(const UnknownField& field, int number) {
  return field.number() == number && field.type() == UnknownField::TYPE_VARINT;
}

// One entry of a map<string, string>: key = 1, value = 2.
std::pair<std::string, std::string> EntryOf(const std::string& message) {
  std::pair<std::string, std::string> entry;
  ForEachField(message, [&](const UnknownField& field) {
    if (IsBytes(field, 1)) entry.first = field.length_delimited();
    if (IsBytes(field, 2)) entry.second = field.length_delimited();
  });
  return entry;
}

// google.rpc.ErrorInfo: reason = 1, domain = 2, metadata = 3. Somebody else's, on the way to the
// bridge, is not the bridge's word.
void ReadErrorInfo(const std::string& message, CallError& error) {
  CallError read;
  std::string domain;
  ForEachField(message, [&](const UnknownField& field) {
    if (IsBytes(field, 1)) read.reason = field.length_delimited();
    if (IsBytes(field, 2)) domain = field.length_delimited();
    if (IsBytes(field, 3)) read.metadata.insert(EntryOf(field.length_delimited()));
  });
  if (domain != "mcpbridge") return;
  error.reason = std::move(read.reason);
  error.metadata = std::move(read.metadata);
}

// google.protobuf.Duration: seconds = 1, nanos = 2.
std::chrono::milliseconds DurationOf(const std::string& message) {
  std::chrono::nanoseconds sum{0};
  ForEachField(message, [&](const UnknownField& field) {
    const auto number =
        static_cast<std::int64_t>(field.type() == UnknownField::TYPE_VARINT ? field.varint() : 0);
    constexpr std::int64_t kMost = 1'000'000'000;  // seconds (32 years) and nanoseconds alike
    if (number < 0 || number > kMost) return;
    if (IsVarint(field, 1)) sum += std::chrono::seconds(number);
    if (IsVarint(field, 2)) sum += std::chrono::nanoseconds(number);
  });
  return std::chrono::ceil<std::chrono::milliseconds>(sum);
}

// google.rpc.RetryInfo: retry_delay = 1.
void ReadRetryInfo(const std::string& message, CallError& error) {
  ForEachField(message, [&](const UnknownField& field) {
    if (IsBytes(field, 1)) error.retry_after = DurationOf(field.length_delimited());
  });
}

// google.protobuf.Any: type_url = 1, value = 2.
void ReadDetail(const std::string& any, CallError& error) {
  std::string type;
  std::string value;
  ForEachField(any, [&](const UnknownField& field) {
    if (IsBytes(field, 1)) type = field.length_delimited();
    if (IsBytes(field, 2)) value = field.length_delimited();
  });
  const auto name = std::string_view(type).substr(type.rfind('/') + 1);
  if (name == "google.rpc.ErrorInfo") ReadErrorInfo(value, error);
  if (name == "google.rpc.RetryInfo") ReadRetryInfo(value, error);
}

}  // namespace

CallError ErrorOf(const grpc::Status& status) {
  CallError error{.code = static_cast<StatusCode>(status.error_code()),
                  .message = status.error_message()};
  // google.rpc.Status: details = 3.
  ForEachField(status.error_details(), [&](const UnknownField& field) {
    if (IsBytes(field, 3)) ReadDetail(field.length_delimited(), error);
  });
  return error;
}

}  // namespace mcpbridge::client
