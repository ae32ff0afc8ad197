#include "server/frontend/grpc/reflection_answers.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>

#include "server/frontend/grpc/proto_descriptors.h"

namespace mcpbridge {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

CommentedFiles OwnCommentedFiles() {
  google::protobuf::FileDescriptorSet set;
  const std::string_view bytes = ProtoDescriptors();
  set.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  CommentedFiles files;
  for (const auto& file : set.file()) files.emplace(file.name(), file.SerializeAsString());
  return files;
}

ReflectionAnswers::Files ReflectionAnswers::FileOfSymbol(const std::string& symbol) {
  return WithDependencies(pool_.FindFileContainingSymbol(symbol));
}

ReflectionAnswers::Files ReflectionAnswers::FileOfExtension(const std::string& type, int number) {
  const Descriptor* extended = pool_.FindMessageTypeByName(type);
  if (extended == nullptr) return {};
  const FieldDescriptor* extension = pool_.FindExtensionByNumber(extended, number);
  return WithDependencies(extension == nullptr ? nullptr : extension->file());
}

bool ReflectionAnswers::ExtensionNumbers(const std::string& type, std::vector<int>& out) const {
  const Descriptor* extended = pool_.FindMessageTypeByName(type);
  if (extended == nullptr) return false;
  std::vector<const FieldDescriptor*> extensions;
  pool_.FindAllExtensions(extended, &extensions);
  for (const FieldDescriptor* extension : extensions) out.push_back(extension->number());
  std::sort(out.begin(), out.end());
  return true;
}

// The file asked for comes first, whether it was sent before or not: an answer must not be empty.
ReflectionAnswers::Files ReflectionAnswers::WithDependencies(const FileDescriptor* file) {
  Files files;
  if (file == nullptr) return files;
  sent_.erase(file);
  AddNew(*file, files);
  return files;
}

void ReflectionAnswers::AddNew(const FileDescriptor& file, Files& files) {
  if (!sent_.insert(&file).second) return;
  if (const auto found = commented_.find(file.name()); found != commented_.end()) {
    files.push_back(found->second);
  } else {
    google::protobuf::FileDescriptorProto proto;
    file.CopyTo(&proto);
    files.push_back(proto.SerializeAsString());
  }
  for (int i = 0; i < file.dependency_count(); ++i) AddNew(*file.dependency(i), files);
}

}  // namespace mcpbridge
