#pragma once

#include <google/protobuf/descriptor.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace mcpbridge {

// By the name of a .proto file, its serialised FileDescriptorProto with comments.
using CommentedFiles = std::map<std::string, std::string>;
// Those of proto/.
CommentedFiles OwnCommentedFiles();

// What server reflection answers from: the descriptors linked into this program, and where there
// are any the same with comments. One per stream: a file that a stream has been sent as somebody's
// dependency isn't sent again, unless it is asked for.
class ReflectionAnswers {
 public:
  // Serialised FileDescriptorProtos; empty: not found.
  using Files = std::vector<std::string>;

  // `services`: fully qualified names, as they are to be listed.
  ReflectionAnswers(const std::vector<std::string>& services, const CommentedFiles& commented)
      : services_(services), commented_(commented) {}

  const std::vector<std::string>& services() const { return services_; }
  Files FileByName(const std::string& name) { return WithDependencies(pool_.FindFileByName(name)); }
  // A service, method, message, field, oneof, enum, enum value or extension.
  Files FileOfSymbol(const std::string& symbol);
  Files FileOfExtension(const std::string& type, int number);

  // Of message `type`, sorted. False: there is no such type.
  bool ExtensionNumbers(const std::string& type, std::vector<int>& out) const;

 private:
  Files WithDependencies(const google::protobuf::FileDescriptor* file);
  void AddNew(const google::protobuf::FileDescriptor& file, Files& files);

  const google::protobuf::DescriptorPool& pool_ =
      *google::protobuf::DescriptorPool::generated_pool();
  const std::vector<std::string>& services_;
  const CommentedFiles& commented_;
  std::set<const google::protobuf::FileDescriptor*> sent_;
};

// Answers one `request` of either version of the protocol: their messages differ in nothing but the
// package they are in.
template <class Request, class Response>
void AnswerReflection(ReflectionAnswers& answers, const Request& request, Response& response) {
  constexpr int kNotFound = 5;
  constexpr int kInvalidArgument = 3;
  const auto fail = [&](int code, const std::string& message) {
    response.mutable_error_response()->set_error_code(code);
    response.mutable_error_response()->set_error_message(message);
  };
  const auto files = [&](ReflectionAnswers::Files found) {
    if (found.empty()) return fail(kNotFound, "not found");
    for (std::string& file : found) {
      response.mutable_file_descriptor_response()->add_file_descriptor_proto(std::move(file));
    }
  };
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case Request::kListServices:
      for (const std::string& name : answers.services()) {
        response.mutable_list_services_response()->add_service()->set_name(name);
      }
      return;
    case Request::kFileByFilename:
      return files(answers.FileByName(request.file_by_filename()));
    case Request::kFileContainingSymbol:
      return files(answers.FileOfSymbol(request.file_containing_symbol()));
    case Request::kFileContainingExtension:
      return files(answers.FileOfExtension(request.file_containing_extension().containing_type(),
                                           request.file_containing_extension().extension_number()));
    case Request::kAllExtensionNumbersOfType: {
      std::vector<int> numbers;
      const std::string& type = request.all_extension_numbers_of_type();
      if (!answers.ExtensionNumbers(type, numbers)) return fail(kNotFound, "not found");
      auto& found = *response.mutable_all_extension_numbers_response();
      found.set_base_type_name(type);
      for (const int number : numbers) found.add_extension_number(number);
      return;
    }
    case Request::MESSAGE_REQUEST_NOT_SET:
      return fail(kInvalidArgument, "the request asks for nothing");
  }
}

}  // namespace mcpbridge
