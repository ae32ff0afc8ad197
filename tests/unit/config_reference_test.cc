// docs/configuration.md against the code: its tables have the keys that the loader knows, and the
// defaults they name are those a configuration without the key has.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "tests/unit/config_fixture.h"

namespace mcpbridge {
namespace {

using namespace config_fixture;

std::string ReadSource(const std::string& path) {
  std::ifstream file(std::filesystem::path(__FILE__).parent_path() / "../.." / path);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// The rows of the first table below the heading: a key and all that follows.
std::map<std::string, std::string> Table(const std::string& heading) {
  std::map<std::string, std::string> rows;
  const std::string text = ReadSource("docs/configuration.md");
  std::size_t at = text.find("\n## `" + heading + "`\n");
  EXPECT_NE(at, std::string::npos) << heading;
  at = text.find("\n| `", at);
  while (text.compare(at, 4, "\n| `") == 0) {
    const std::size_t end = text.find('\n', at + 1);
    const std::string row = text.substr(at + 4, end - at - 4);
    rows[row.substr(0, row.find('`'))] = row.substr(row.find('|') + 1);
    at = end;
  }
  return rows;
}

std::set<std::string> KeysOf(const std::map<std::string, std::string>& rows) {
  std::set<std::string> keys;
  for (const auto& [key, row] : rows) keys.insert(key);
  return keys;
}

// What the function that begins with `begin` reads: strings in front of a comma, after `opening`.
std::set<std::string> KeysInSource(const std::string& file, const std::string& begin,
                                   const std::string& opening) {
  const std::string text = ReadSource(file);
  const std::size_t from = text.find(begin);
  EXPECT_NE(from, std::string::npos) << begin;
  const std::string body = text.substr(from, text.find("\n}\n", from) - from);
  const std::regex key(opening + "\"([a-z_]+)\",");
  std::set<std::string> keys;
  for (std::sregex_iterator it(body.begin(), body.end(), key); it != std::sregex_iterator(); ++it) {
    keys.insert((*it)[1]);
  }
  return keys;
}

TEST(ConfigReferenceTest, HasTheKeysOfTheBridgeSection) {
  const char* const kFile = "server/config/bridge_section.cc";
  std::set<std::string> known = KeysInSource(kFile, "void ReadBridgeSection", "\\{");
  EXPECT_EQ(known.erase("limits") + known.erase("traces"), 2u);
  for (const auto& key : KeysInSource(kFile, "void ReadLimits", "\\{")) {
    known.insert("limits." + key);
  }
  for (const auto& key : KeysInSource(kFile, "void ReadTraces", "\\{")) {
    known.insert("traces." + key);
  }
  EXPECT_GT(known.size(), 30u);
  EXPECT_EQ(KeysOf(Table("bridge")), known);
}

TEST(ConfigReferenceTest, HasTheKeysOfServers) {
  std::set<std::string> known =
      KeysInSource("server/config/server_section.cc", "reader_.ReadMap(", "key\\(");
  EXPECT_GT(known.size(), 15u);
  EXPECT_EQ(known.erase("auth_value"), 1u) << "explained at authentication_token";
  EXPECT_EQ(KeysOf(Table("mcp_servers")), known);
}

TEST(ConfigReferenceTest, HasTheKeysOfTheOtherSections) {
  EXPECT_EQ(KeysOf(Table("litellm_settings")), (std::set<std::string>{"mcp_aliases"}));
  EXPECT_EQ(KeysOf(Table("general_settings")), (std::set<std::string>{"master_key"}));
}

// The default that a row of the section bridge names; empty: it has none.
std::string DefaultOf(const std::string& row) {
  const std::string type = row.substr(0, row.find(" | "));
  if (type.find("default:") != std::string::npos) return "";
  const std::size_t choice = type.rfind("; `");
  const std::regex quoted("`([^`]+)`");
  std::string last;
  const std::string part = choice == std::string::npos ? type : type.substr(choice);
  for (std::sregex_iterator it(part.begin(), part.end(), quoted); it != std::sregex_iterator();
       ++it) {
    last = (*it)[1];
  }
  return last;
}

TEST(ConfigReferenceTest, TheDefaultsItNamesAreTheDefaults) {
  int seen = 0;
  for (const auto& [key, row] : Table("bridge")) {
    const std::string value = DefaultOf(row);
    if (value.empty() || key.starts_with("traces.")) continue;
    ++seen;
    const std::size_t dot = key.find('.');
    std::string yaml = "bridge:\n  " + key + ": " + value + "\n";
    if (dot != std::string::npos) {
      yaml = "bridge:\n  " + key.substr(0, dot) + ":\n    " + key.substr(dot + 1) + ": " + value +
             "\n";
    }
    const Config config = Good(ParseConfig(WithServer(yaml), "c.yaml"));
    EXPECT_EQ(config.bridge, BridgeConfig{}) << key << " is not " << value;
  }
  EXPECT_GT(seen, 20);
}

}  // namespace
}  // namespace mcpbridge
