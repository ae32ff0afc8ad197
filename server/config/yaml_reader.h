#pragma once

#include <yaml-cpp/yaml.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/config/config.h"
#include "server/config/load.h"

namespace mcpbridge {

// A value of the file, and its place for errors.
struct YamlValue {
  YAML::Node node;
  std::string path;  // e.g. "mcp_servers.github.url"
  int line = 0;      // 1-based; where its key stands, or an item of a list itself
};

// Turns nodes into typed values and collects what is wrong. No error quotes a value, for any value
// may be a secret, also one that stands in the wrong place.
//
// Every Read* stores into its last argument and returns true; or adds an error, leaves it alone and
// returns false. A scalar that reads `os.environ/NAME` stands for that variable's value.
class YamlReader {
 public:
  using KeyReader = std::function<void(const YamlValue& value)>;
  // The keys a map may have, each with what reads its value.
  using Keys = std::vector<std::pair<std::string_view, KeyReader>>;
  // What to say of a key that isn't one of them; empty: that it is unknown, with the nearest one.
  using Refusal = std::function<std::string(const std::string& key)>;

  // `env` must outlive the reader.
  YamlReader(std::string file, const GetEnv& env) : file_(std::move(file)), env_(env) {}

  // The file's only document. nullopt: not YAML, or not one document.
  std::optional<YamlValue> ReadDocument(const std::string& text);

  // Reads what is known and adds an error for every key that isn't.
  void ReadMap(const YamlValue& map, const Keys& keys, const Refusal& refuse = {});

  struct Entry {
    std::string key;
    YamlValue value;
  };
  // How errors name a key that has no value. Where keys stand beside secrets (`static_headers`) it
  // may be a secret that lost its key, so its number is given instead.
  enum class BareKeys { kShown, kHidden };
  // The entries of a map in the file's order, each key once. Not a map: an error, and no entry.
  std::vector<Entry> ReadEntries(const YamlValue& map, BareKeys bare_keys);

  bool ReadString(const YamlValue& value, std::string& out);
  bool ReadNonEmpty(const YamlValue& value, std::string& out);
  bool ReadBool(const YamlValue& value, bool& out);
  bool ReadInt(const YamlValue& value, int& out);
  bool ReadDuration(const YamlValue& value, std::chrono::milliseconds& out);
  bool ReadSize(const YamlValue& value, std::size_t& out);
  // A scalar of whatever look; for words of our own, some of which (`off`, `none`) mean more to
  // YAML.
  bool ReadWord(const YamlValue& value, std::string& out);
  // A list whose items ReadNonEmpty takes.
  bool ReadStrings(const YamlValue& value, std::vector<std::string>& out);
  // A list's items. nullopt: not a list, and an error.
  std::optional<std::vector<YamlValue>> ReadItems(const YamlValue& value);

  void AddError(const YamlValue& at, std::string message);
  void AddError(int line, std::string path, std::string message);
  // Whether there is an error at `path` or below it.
  bool HasErrorAt(const std::string& path) const;
  // Where the value at `path` stands; 0: the file doesn't have it.
  int LineOf(const std::string& path) const;

  // The errors so far, in the order of their lines.
  std::vector<ConfigError> TakeErrors();

 private:
  struct Scalar {
    std::string text;
    bool is_string = true;  // false: unquoted, and a number or a boolean to YAML
  };
  std::optional<Scalar> ReadScalar(const YamlValue& value, std::string_view expected);
  std::optional<std::string> FromEnv(const YamlValue& value, const std::string& name);
  bool Mismatch(const YamlValue& value, std::string_view expected);
  bool IsOf(const YamlValue& value, YAML::NodeType::value type, std::string_view expected);

  const std::string file_;
  const GetEnv& env_;
  std::map<std::string, int> lines_;
  std::vector<ConfigError> errors_;
};

// Whether a scalar as the file has it stands for a value from the environment.
bool IsFromEnv(const YamlValue& value);

// `key` as a path shows it: up to the first character that no key of ours has, and "..." for what
// follows it, which may be a value that lost its colon.
std::string ShownKey(std::string_view key);

}  // namespace mcpbridge
