#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/config/config.h"

namespace mcpbridge {

// Looks an environment variable up; nullopt: not set.
using GetEnv = std::function<std::optional<std::string>(const std::string& name)>;

// What else is to hold of a configuration: errors without lines, which the file's are put to.
using CheckMore = std::function<std::vector<ConfigError>(const Config&)>;

// The process's own environment.
std::optional<std::string> ProcessEnv(const std::string& name);

// The text of a configuration, or why it can't be read.
std::variant<std::string, ConfigError> ReadConfigFile(const std::string& file);

// Reads and checks a configuration: every error found, or a Config that needs no further check. A
// key that isn't known is an error; a LiteLLM key that isn't supported is named as such. Any string
// value may be `os.environ/NAME`. Opens no port and starts nothing.
std::variant<Config, std::vector<ConfigError>> LoadConfig(const std::string& file,
                                                          const GetEnv& env = ProcessEnv);

// The same from text; `file` is only for the messages. `check_more` is asked where nothing else is
// wrong.
std::variant<Config, std::vector<ConfigError>> ParseConfig(const std::string& text,
                                                           const std::string& file,
                                                           const GetEnv& env = ProcessEnv,
                                                           const CheckMore& check_more = {});

// Checks what holds between settings, also after flags have changed some: a front that listens
// beyond this machine needs a master key or `allow_unauthenticated`.
std::vector<ConfigError> CheckConfig(const Config& config, const std::string& file);

// "127.0.0.1:4000", "[::]:4000", ":4000" (all addresses), "unix:/path". nullopt: none of these.
std::optional<ListenAddress> ParseListenAddress(const std::string& text);

// "redis://[user:password@]host[:port][/database]", "redis+unix:///path". nullopt: none of these.
std::optional<StoreAddress> ParseStoreAddress(std::string_view text);

}  // namespace mcpbridge
