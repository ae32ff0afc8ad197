// The protos themselves: nothing that callers rely on has changed, and everything is explained.

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "server/frontend/grpc/proto_descriptors.h"

namespace mcpbridge {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::EnumDescriptorProto;
using google::protobuf::EnumValueDescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;
using google::protobuf::MethodDescriptorProto;
using google::protobuf::ServiceDescriptorProto;

using Complaints = std::vector<std::string>;

// The one among `items` with `key`; null: there is none.
template <class Items, class Key, class Get>
auto* Find(const Items& items, const Key& key, Get get) {
  for (const auto& item : items) {
    if (get(item) == key) return &item;
  }
  return static_cast<decltype(&*items.begin())>(nullptr);
}
template <class Items>
auto* FindByName(const Items& items, const std::string& name) {
  return Find(items, name, [](const auto& item) { return item.name(); });
}

// Holds the protos as they are against those that callers were built with.
class Comparison {
 public:
  static Complaints Of(const FileDescriptorSet& before, const FileDescriptorSet& now) {
    Comparison comparison;
    for (const FileDescriptorProto& file : before.file()) {
      const auto* same = FindByName(now.file(), file.name());
      if (comparison.IsThere(same, file.name())) comparison.Files(file, *same);
    }
    return comparison.complaints_;
  }

 private:
  bool IsThere(const void* now, const std::string& name) {
    if (now == nullptr) {
      Complain(name, "is gone: callers that were built with it can't be served any more. Keep it");
    }
    return now != nullptr;
  }

  void Complain(const std::string& name, const std::string& what) {
    complaints_.push_back(name + " " + what + ".");
  }

  void Files(const FileDescriptorProto& before, const FileDescriptorProto& now) {
    if (before.package() != now.package()) {
      Complain(before.name(), "has another package: every name in it travels with that");
    }
    const std::string prefix = before.package() + '.';
    for (const auto& message : before.message_type()) {
      const auto* same = FindByName(now.message_type(), message.name());
      if (IsThere(same, prefix + message.name())) Messages(prefix, message, *same);
    }
    Enums(prefix, before.enum_type(), now.enum_type());
    for (const ServiceDescriptorProto& service : before.service()) {
      const auto* same = FindByName(now.service(), service.name());
      if (IsThere(same, prefix + service.name())) Services(prefix, service, *same);
    }
  }

  void Messages(const std::string& prefix, const DescriptorProto& before,
                const DescriptorProto& now) {
    const std::string inner = prefix + before.name() + '.';
    for (const FieldDescriptorProto& field : before.field()) {
      const auto* same =
          Find(now.field(), field.number(), [](const auto& f) { return f.number(); });
      const std::string name = inner + field.name() + " = " + std::to_string(field.number());
      if (IsThere(same, name)) Fields(name, before, field, now, *same);
    }
    for (const DescriptorProto& nested : before.nested_type()) {
      const auto* same = FindByName(now.nested_type(), nested.name());
      if (IsThere(same, inner + nested.name())) Messages(inner, nested, *same);
    }
    Enums(inner, before.enum_type(), now.enum_type());
  }

  static std::string OneofOf(const DescriptorProto& message, const FieldDescriptorProto& field) {
    return field.has_oneof_index() ? message.oneof_decl(field.oneof_index()).name() : "";
  }

  void Fields(const std::string& name, const DescriptorProto& before_in,
              const FieldDescriptorProto& before, const DescriptorProto& now_in,
              const FieldDescriptorProto& now) {
    if (before.name() != now.name()) {
      Complain(name,
               "is called " + now.name() +
                   " now: callers' sources and JSON say it by the old name. Add a field instead");
    }
    if (before.type() != now.type() || before.type_name() != now.type_name() ||
        before.label() != now.label()) {
      Complain(name,
               "has another type: callers built before would misread it. Add a field instead");
    }
    if (OneofOf(before_in, before) != OneofOf(now_in, now) ||
        before.proto3_optional() != now.proto3_optional()) {
      Complain(name,
               "has moved into or out of a oneof, or is optional or not any more: what its "
               "absence means would change. Add a field instead");
    }
  }

  template <class Enums_>
  void Enums(const std::string& prefix, const Enums_& before, const Enums_& now) {
    for (const EnumDescriptorProto& one : before) {
      const auto* same = FindByName(now, one.name());
      if (!IsThere(same, prefix + one.name())) continue;
      for (const EnumValueDescriptorProto& value : one.value()) {
        const auto* same_value = FindByName(same->value(), value.name());
        const std::string name = prefix + one.name() + '.' + value.name();
        if (IsThere(same_value, name) && same_value->number() != value.number()) {
          Complain(name, "has another number: callers built before would misread it");
        }
      }
    }
  }

  void Services(const std::string& prefix, const ServiceDescriptorProto& before,
                const ServiceDescriptorProto& now) {
    for (const MethodDescriptorProto& method : before.method()) {
      const auto* same = FindByName(now.method(), method.name());
      const std::string name = prefix + before.name() + '/' + method.name();
      if (!IsThere(same, name)) continue;
      if (method.input_type() != same->input_type() ||
          method.output_type() != same->output_type() ||
          method.client_streaming() != same->client_streaming() ||
          method.server_streaming() != same->server_streaming()) {
        Complain(name,
                 "takes or gives another type: callers built before can't call it. Add a "
                 "method instead");
      }
    }
  }

  Complaints complaints_;
};

FileDescriptorSet Now() {
  FileDescriptorSet set;
  const std::string_view bytes = ProtoDescriptors();
  EXPECT_TRUE(set.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  return set;
}

FileDescriptorSet Baseline() {
  FileDescriptorSet set;
  std::ifstream file(PROTO_BASELINE);
  google::protobuf::io::IstreamInputStream stream(&file);
  EXPECT_TRUE(google::protobuf::TextFormat::Parse(&stream, &set)) << PROTO_BASELINE;
  return set;
}

TEST(ProtoTest, CallersThatWereBuiltBeforeCanStillCall) {
  const FileDescriptorSet before = Baseline();
  EXPECT_GE(before.file_size(), 10);
  for (const std::string& complaint : Comparison::Of(before, Now())) ADD_FAILURE() << complaint;
}

TEST(ProtoTest, WhatIsNewIsNotedInTheBaseline) {
  for (const std::string& complaint : Comparison::Of(Now(), Baseline())) {
    ADD_FAILURE() << complaint << " (in the baseline: run scripts/update-proto-baseline.sh)";
  }
}

// One file with everything in it that can be broken.
FileDescriptorSet Sample() {
  FileDescriptorSet set;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(file { name: "a.proto" package: "p"
           message_type { name: "M"
             field { name: "f" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
             nested_type { name: "N" }
             oneof_decl { name: "o" } }
           enum_type { name: "E" value { name: "V" number: 0 } }
           service { name: "S" method { name: "R" input_type: ".p.M" output_type: ".p.M" } } })",
      &set));
  return set;
}

TEST(ProtoTest, EveryBreakIsNoticed) {
  const FileDescriptorSet before = Sample();
  EXPECT_EQ(Comparison::Of(before, before), Complaints());
  using Change = void (*)(FileDescriptorProto&);
  const std::vector<std::pair<Change, std::string>> changes = {
      {[](auto& f) { f.set_package("q"); }, "a.proto has another package"},
      {[](auto& f) { f.clear_message_type(); }, "p.M is gone"},
      {[](auto& f) { f.mutable_message_type(0)->clear_field(); }, "p.M.f = 1 is gone"},
      {[](auto& f) { f.mutable_message_type(0)->mutable_field(0)->set_number(2); },
       "p.M.f = 1 is gone"},
      {[](auto& f) { f.mutable_message_type(0)->mutable_field(0)->set_name("g"); },
       "p.M.f = 1 is called g now"},
      {[](auto& f) {
         f.mutable_message_type(0)->mutable_field(0)->set_type(FieldDescriptorProto::TYPE_BYTES);
       },
       "p.M.f = 1 has another type"},
      {[](auto& f) {
         f.mutable_message_type(0)->mutable_field(0)->set_label(
             FieldDescriptorProto::LABEL_REPEATED);
       },
       "p.M.f = 1 has another type"},
      {[](auto& f) { f.mutable_message_type(0)->mutable_field(0)->set_oneof_index(0); },
       "p.M.f = 1 has moved"},
      {[](auto& f) { f.mutable_message_type(0)->clear_nested_type(); }, "p.M.N is gone"},
      {[](auto& f) { f.clear_enum_type(); }, "p.E is gone"},
      {[](auto& f) { f.mutable_enum_type(0)->clear_value(); }, "p.E.V is gone"},
      {[](auto& f) { f.mutable_enum_type(0)->mutable_value(0)->set_number(3); },
       "p.E.V has another number"},
      {[](auto& f) { f.clear_service(); }, "p.S is gone"},
      {[](auto& f) { f.mutable_service(0)->clear_method(); }, "p.S/R is gone"},
      {[](auto& f) { f.mutable_service(0)->mutable_method(0)->set_server_streaming(true); },
       "p.S/R takes or gives another type"},
  };
  for (const auto& [change, sentence] : changes) {
    FileDescriptorSet now = before;
    change(*now.mutable_file(0));
    const Complaints complaints = Comparison::Of(before, now);
    ASSERT_EQ(complaints.size(), 1u) << sentence;
    EXPECT_EQ(complaints[0].rfind(sentence, 0), 0u) << complaints[0];
  }
}

// What in `descriptor` has no comment above it.
template <class Descriptor>
void Uncommented(const Descriptor& descriptor, Complaints& names) {
  google::protobuf::SourceLocation location;
  if (!descriptor.GetSourceLocation(&location) || location.leading_comments.empty()) {
    names.push_back(descriptor.full_name());
  }
}

void UncommentedIn(const google::protobuf::Descriptor& message, Complaints& names) {
  if (message.options().map_entry()) return;
  Uncommented(message, names);
  for (int i = 0; i < message.field_count(); ++i) Uncommented(*message.field(i), names);
  for (int i = 0; i < message.nested_type_count(); ++i) {
    UncommentedIn(*message.nested_type(i), names);
  }
}

TEST(ProtoTest, EverythingOfOursIsExplained) {
  const FileDescriptorSet now = Now();
  Complaints names;
  for (const FileDescriptorProto& proto : now.file()) {
    if (proto.package() != "mcpbridge.v1" && proto.package() != "model_context_protocol") continue;
    google::protobuf::DescriptorPool pool;
    pool.AllowUnknownDependencies();
    const google::protobuf::FileDescriptor* file = pool.BuildFile(proto);
    ASSERT_NE(file, nullptr) << proto.name();
    for (int i = 0; i < file->message_type_count(); ++i) {
      UncommentedIn(*file->message_type(i), names);
    }
    for (int i = 0; i < file->enum_type_count(); ++i) {
      Uncommented(*file->enum_type(i), names);
      for (int j = 0; j < file->enum_type(i)->value_count(); ++j) {
        Uncommented(*file->enum_type(i)->value(j), names);
      }
    }
    for (int i = 0; i < file->service_count(); ++i) {
      Uncommented(*file->service(i), names);
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        Uncommented(*file->service(i)->method(j), names);
      }
    }
  }
  EXPECT_EQ(names, Complaints());
}

}  // namespace
}  // namespace mcpbridge
