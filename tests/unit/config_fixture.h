#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "server/config/config.h"
#include "server/config/load.h"

namespace mcpbridge::config_fixture {

using Outcome = std::variant<Config, std::vector<ConfigError>>;

inline GetEnv FakeEnv(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

// What the secret variables hold contains "s3cr3t".
inline GetEnv TestEnv() {
  return FakeEnv({{"TOKEN", "s3cr3t-from-env"},
                  {"EMPTY", ""},
                  {"TWO_LINES", "s3cr3t\n"},
                  {"SECONDS", "7"},
                  {"LANES", "3"},
                  {"YES", "true"},
                  {"LITERAL", "${X-Not-A-Template}"}});
}

// Every error, one per line.
inline std::string ErrorsOf(const std::vector<ConfigError>& errors) {
  std::string text;
  for (const ConfigError& error : errors) text += error.ToString() + "\n";
  return text;
}

inline std::string ErrorsOf(const Outcome& outcome) {
  const auto* errors = std::get_if<std::vector<ConfigError>>(&outcome);
  return errors == nullptr ? "" : ErrorsOf(*errors);
}

// The Config that has no error; an empty one, and a failure, otherwise.
inline Config Good(Outcome outcome) {
  EXPECT_EQ(ErrorsOf(outcome), "");
  return std::holds_alternative<Config>(outcome) ? std::get<Config>(outcome) : Config{};
}

// One server, "a"; its `keys` begin on line 3.
inline std::string Server(const std::string& keys) { return "mcp_servers:\n  a:\n" + keys; }

// A good server; `rest` begins on line 3.
inline std::string WithServer(const std::string& rest) {
  return "mcp_servers: {a: {url: http://h/mcp}}\n\n" + rest;
}

}  // namespace mcpbridge::config_fixture
