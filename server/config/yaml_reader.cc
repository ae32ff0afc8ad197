#include "server/config/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <array>
#include <limits>
#include <sstream>

#include "server/config/ascii.h"
#include "server/config/nearest.h"
#include "server/config/units.h"

namespace mcpbridge {
namespace {

constexpr std::string_view kEnvPrefix = "os.environ/";
constexpr std::string_view kYamlTag = "tag:yaml.org,2002:";

int LineAt(const YAML::Mark& mark) { return mark.line + 1; }  // a null mark is line -1

bool IsEnvName(std::string_view name) {
  return !name.empty() && !IsDigit(name.front()) &&
         std::ranges::all_of(name, [](char c) { return IsDigit(c) || IsLetter(c) || c == '_'; });
}

std::string ToLower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// What YAML 1.1, and so LiteLLM, takes for a boolean.
std::optional<bool> ParseBool(const std::string& text) {
  const std::string lower = ToLower(text);
  if (lower == "true" || lower == "yes" || lower == "on") return true;
  if (lower == "false" || lower == "no" || lower == "off") return false;
  return std::nullopt;
}

// What YAML 1.1, and so LiteLLM, takes for a number: 12, -1, 1_000, 0x1F, 1.5, .5, 1.5e+3. An
// exponent needs a dot, so that a hexadecimal key such as 12e4 stays a string.
bool LooksLikeNumber(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text.starts_with("0x")) {
    text.remove_prefix(2);
    return !text.empty() && text.find_first_not_of("0123456789abcdefABCDEF_") == text.npos;
  }
  const auto skip_digits = [&text] {
    while (!text.empty() && (IsDigit(text.front()) || text.front() == '_')) text.remove_prefix(1);
  };
  const bool has_digit = text.find_first_of("0123456789") <= 1;
  if (!has_digit || text.front() == '_') return false;
  skip_digits();
  if (text.empty()) return true;
  if (text.front() != '.') return false;
  text.remove_prefix(1);
  skip_digits();
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    skip_digits();
  }
  return text.empty();
}

// Whether the node is of the type it looks like. "?" marks plain values, "!" scalars in quotes.
bool HasOrdinaryTag(const YAML::Node& node) {
  constexpr std::array<std::string_view, 6> kStandard{"str", "int", "float", "bool", "seq", "map"};
  const std::string_view tag = node.Tag();
  if (tag.empty() || tag == "?" || tag == "!") return true;
  return tag.starts_with(kYamlTag) &&
         std::ranges::find(kStandard, tag.substr(kYamlTag.size())) != kStandard.end();
}

std::string_view KindOf(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
      return "nothing";
    case YAML::NodeType::Scalar:
      return "a single value";
    case YAML::NodeType::Sequence:
      return "a list";
    case YAML::NodeType::Map:
      return "a map";
  }
  return "nothing";
}

// Notes where documents begin, and nothing else.
class DocumentStarts : public YAML::EventHandler {
 public:
  const std::vector<int>& lines() const { return lines_; }

  void OnDocumentStart(const YAML::Mark& mark) override { lines_.push_back(LineAt(mark)); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  std::vector<int> lines_;
};

// The lines where the first and, if there is one, the second document begin. Not YAML::LoadAll:
// before a stray comma at top level its parser stands still, and makes empty documents until memory
// ends.
std::vector<int> FirstDocuments(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStarts starts;
  while (starts.lines().size() < 2 && parser.HandleNextDocument(starts)) {
  }
  return starts.lines();
}

// yaml-cpp's own text without what it may quote from the file.
std::string WithoutQuotes(const std::string& message) {
  const std::string_view unknown_anchor = YAML::ErrorMsg::UNKNOWN_ANCHOR;
  if (message.starts_with(unknown_anchor)) return std::string(unknown_anchor);
  return message.substr(0, message.find(':'));
}

}  // namespace

bool IsFromEnv(const YamlValue& value) {
  return value.node.IsScalar() && value.node.Scalar().starts_with(kEnvPrefix);
}

std::string ShownKey(std::string_view key) {
  constexpr std::size_t kLongest = 64;
  std::size_t end = 0;
  while (end < key.size() && end < kLongest &&
         (IsLetter(key[end]) || IsDigit(key[end]) || IsOneOf(key[end], "_-."))) {
    ++end;
  }
  return std::string(key.substr(0, end)) + (end < key.size() ? "..." : "");
}

std::optional<YamlValue> YamlReader::ReadDocument(const std::string& text) {
  try {
    const std::vector<int> documents = FirstDocuments(text);
    const YAML::Node document = YAML::Load(text);
    if (documents.size() > 1) {
      AddError(documents[1], "", "expected one YAML document, and another one begins here");
    } else if (document.IsNull()) {
      AddError(0, "", "is empty");
    } else {
      return YamlValue{document, "", LineAt(document.Mark())};
    }
    return std::nullopt;
  } catch (const YAML::Exception& error) {
    AddError(LineAt(error.mark), "", "not valid YAML: " + WithoutQuotes(error.msg));
    return std::nullopt;
  }
}

void YamlReader::ReadMap(const YamlValue& map, const Keys& keys, const Refusal& refuse) {
  for (const Entry& entry : ReadEntries(map, BareKeys::kShown)) {
    const auto known = std::ranges::find(keys, entry.key, &Keys::value_type::first);
    if (known != keys.end()) {
      known->second(entry.value);
      continue;
    }
    std::string message = refuse ? refuse(entry.key) : std::string();
    if (message.empty()) {
      std::vector<std::string_view> names;
      for (const auto& key : keys) names.push_back(key.first);
      const std::string_view nearest = Nearest(entry.key, names);
      message = "unknown key";
      if (!nearest.empty()) message += "; did you mean \"" + std::string(nearest) + "\"?";
    }
    AddError(entry.value, std::move(message));
  }
}

std::vector<YamlReader::Entry> YamlReader::ReadEntries(const YamlValue& map, BareKeys bare_keys) {
  if (!IsOf(map, YAML::NodeType::Map, "a map")) return {};
  std::vector<Entry> entries;
  std::map<std::string, int> first_line;
  int number = 0;
  for (const auto& pair : map.node) {
    const YAML::Node& key = pair.first;
    const YAML::Node& node = pair.second;
    ++number;
    const int line = LineAt(key.Mark());
    const std::string numbered = map.path + "[entry " + std::to_string(number) + "]";
    if (!key.IsScalar()) {
      AddError(line, numbered, "expected a plain name as the key");
      continue;
    }
    const bool is_plain = node.IsScalar() && ShownKey(key.Scalar()) == key.Scalar();
    const bool hidden = bare_keys == BareKeys::kHidden && !is_plain;
    const std::string prefix = map.path.empty() ? "" : map.path + ".";
    YamlValue value{node, hidden ? numbered : prefix + ShownKey(key.Scalar()), line};
    const auto [first, is_new] = first_line.emplace(key.Scalar(), line);
    if (!is_new) {
      AddError(value, "appears twice, first on line " + std::to_string(first->second));
      continue;
    }
    lines_.emplace(value.path, line);
    entries.push_back({key.Scalar(), std::move(value)});
  }
  return entries;
}

bool YamlReader::ReadString(const YamlValue& value, std::string& out) {
  auto scalar = ReadScalar(value, "a string");
  if (!scalar) return false;
  if (!scalar->is_string) {
    AddError(value, "expected a string: put the value in quotes");
    return false;
  }
  if (scalar->text.find('\0') != std::string::npos) {
    AddError(value, "must not contain a NUL character");
    return false;
  }
  out = std::move(scalar->text);
  return true;
}

bool YamlReader::ReadNonEmpty(const YamlValue& value, std::string& out) {
  std::string text;
  if (!ReadString(value, text)) return false;
  if (text.empty()) {
    AddError(value, "must not be empty");
    return false;
  }
  out = std::move(text);
  return true;
}

bool YamlReader::ReadBool(const YamlValue& value, bool& out) {
  constexpr std::string_view kExpected = "true or false";
  const auto scalar = ReadScalar(value, kExpected);
  if (!scalar) return false;
  // In quotes it is a string; from the environment everything is.
  const auto parsed =
      scalar->is_string && !IsFromEnv(value) ? std::nullopt : ParseBool(scalar->text);
  if (!parsed) return Mismatch(value, kExpected);
  out = *parsed;
  return true;
}

bool YamlReader::ReadInt(const YamlValue& value, int& out) {
  constexpr std::string_view kExpected = "a whole number";
  const auto scalar = ReadScalar(value, kExpected);
  if (!scalar) return false;
  const bool is_quoted = scalar->is_string && !IsFromEnv(value);
  const bool is_negative = scalar->text.starts_with('-');
  const auto parsed = ParseDigits(std::string_view(scalar->text).substr(is_negative ? 1 : 0),
                                  std::numeric_limits<int>::max());
  if (is_quoted || !parsed) return Mismatch(value, kExpected);
  out = is_negative ? -static_cast<int>(*parsed) : static_cast<int>(*parsed);
  return true;
}

bool YamlReader::ReadDuration(const YamlValue& value, std::chrono::milliseconds& out) {
  const auto scalar = ReadScalar(value, kDurationForms);
  if (!scalar) return false;
  const auto parsed = ParseDuration(scalar->text);
  if (!parsed) return Mismatch(value, kDurationForms);
  out = *parsed;
  return true;
}

bool YamlReader::ReadSize(const YamlValue& value, std::size_t& out) {
  const auto scalar = ReadScalar(value, kSizeForms);
  if (!scalar) return false;
  const auto parsed = ParseSize(scalar->text);
  if (!parsed) return Mismatch(value, kSizeForms);
  out = *parsed;
  return true;
}

bool YamlReader::ReadWord(const YamlValue& value, std::string& out) {
  auto scalar = ReadScalar(value, "a word");
  if (!scalar) return false;
  out = std::move(scalar->text);
  return true;
}

bool YamlReader::ReadStrings(const YamlValue& value, std::vector<std::string>& out) {
  const auto items = ReadItems(value);
  if (!items) return false;
  std::vector<std::string> strings(items->size());
  bool all_read = true;
  for (std::size_t i = 0; i < items->size(); ++i) {
    all_read = ReadNonEmpty((*items)[i], strings[i]) && all_read;
  }
  if (all_read) out = std::move(strings);
  return all_read;
}

std::optional<std::vector<YamlValue>> YamlReader::ReadItems(const YamlValue& value) {
  if (!IsOf(value, YAML::NodeType::Sequence, "a list")) return std::nullopt;
  std::vector<YamlValue> items;
  for (const YAML::Node& node : value.node) {
    const std::string path = value.path + "[" + std::to_string(items.size()) + "]";
    // yaml-cpp's mark of an item that isn't there is where the next thing begins.
    items.push_back({node, path, node.IsNull() ? value.line : LineAt(node.Mark())});
  }
  return items;
}

std::optional<YamlReader::Scalar> YamlReader::ReadScalar(const YamlValue& value,
                                                         std::string_view expected) {
  if (!IsOf(value, YAML::NodeType::Scalar, expected)) return std::nullopt;
  const std::string& text = value.node.Scalar();
  if (IsFromEnv(value)) {
    auto from_env = FromEnv(value, text.substr(kEnvPrefix.size()));
    if (!from_env) return std::nullopt;
    return Scalar{std::move(*from_env), true};
  }
  if (text.find(kEnvPrefix) != std::string::npos) {
    AddError(value, "os.environ/NAME must be the whole value: nothing may stand before it");
    return std::nullopt;
  }
  const std::string& tag = value.node.Tag();
  const bool is_string = tag == "!" || tag == std::string(kYamlTag) + "str" ||
                         (!ParseBool(text) && !LooksLikeNumber(text));
  return Scalar{text, is_string};
}

std::optional<std::string> YamlReader::FromEnv(const YamlValue& value, const std::string& name) {
  if (!IsEnvName(name)) {
    AddError(value, "os.environ/NAME: NAME must be letters, digits and underscores");
    return std::nullopt;
  }
  auto text = env_(name);
  if (!text) AddError(value, "the environment variable " + name + " is not set");
  return text;
}

bool YamlReader::Mismatch(const YamlValue& value, std::string_view expected) {
  AddError(value, "expected " + std::string(expected));
  return false;
}

bool YamlReader::IsOf(const YamlValue& value, YAML::NodeType::value type,
                      std::string_view expected) {
  if (!value.node.IsNull() && !HasOrdinaryTag(value.node)) {
    AddError(value, "YAML tags are not supported");
    return false;
  }
  if (value.node.Type() == type) return true;
  AddError(value,
           "expected " + std::string(expected) + ", found " + std::string(KindOf(value.node)));
  return false;
}

void YamlReader::AddError(const YamlValue& at, std::string message) {
  AddError(at.line, at.path, std::move(message));
}

void YamlReader::AddError(int line, std::string path, std::string message) {
  errors_.push_back({file_, std::max(line, 0), std::move(path), std::move(message)});
}

bool YamlReader::HasErrorAt(const std::string& path) const {
  return std::ranges::any_of(errors_, [&path](const ConfigError& error) {
    return error.path.starts_with(path) &&
           (error.path.size() == path.size() || IsOneOf(error.path[path.size()], ".["));
  });
}

int YamlReader::LineOf(const std::string& path) const {
  const auto found = lines_.find(path);
  return found == lines_.end() ? 0 : found->second;
}

std::vector<ConfigError> YamlReader::TakeErrors() {
  std::ranges::stable_sort(errors_, {}, &ConfigError::line);
  return std::move(errors_);
}

}  // namespace mcpbridge
