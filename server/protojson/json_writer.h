#pragma once

#include <string>
#include <string_view>

#include "server/jsonrpc/message.h"

namespace mcpbridge {

// Writes JSON text, value after value; commas come by themselves. Every Begin needs its End, and
// every value in an object its Key: nothing is checked.
class JsonWriter {
 public:
  void BeginObject() { Open('{'); }
  void EndObject() { text_ += '}'; }
  void BeginArray() { Open('['); }
  void EndArray() { text_ += ']'; }

  // A plain name, nothing in it to escape.
  void Key(std::string_view name) {
    Separate();
    text_.append("\"").append(name).append("\":");
  }
  // Any text as a name.
  void AnyKey(std::string_view name) {
    String(name);
    text_ += ':';
  }

  void String(std::string_view text) {
    Separate();
    jsonrpc::AppendQuoted(text_, text);
  }
  void Raw(std::string_view json) {
    Separate();
    text_ += json;
  }
  void Bool(bool flag) { Raw(flag ? "true" : "false"); }

  // Members.
  void Member(std::string_view name, std::string_view text) {
    Key(name);
    String(text);
  }
  void MemberUnlessEmpty(std::string_view name, std::string_view text) {
    if (!text.empty()) Member(name, text);
  }
  void RawMember(std::string_view name, std::string_view json) {
    Key(name);
    Raw(json);
  }

  // For what is appended otherwise, right after Key().
  std::string& text() { return text_; }
  std::string Take() { return std::move(text_); }

 private:
  void Open(char bracket) {
    Separate();
    text_ += bracket;
  }
  // No value ends with one of these.
  void Separate() {
    if (!text_.empty() && std::string_view("{[:,").find(text_.back()) == std::string_view::npos) {
      text_ += ',';
    }
  }

  std::string text_;
};

}  // namespace mcpbridge
