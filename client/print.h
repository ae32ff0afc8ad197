#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "mcpbridge/outcome.h"
#include "mcpbridge/tools.h"

// What mcp-call writes, as text. Pure functions.
namespace mcpbridge::client {

// Text content as it is, each other block as one line in brackets; the structured content where
// there is nothing else. Ends with a newline unless empty.
std::string PrintResult(const CallResult& result);

// One line without its end: "[=====>    ] 50% message", or where there is no total "12 message".
// Nothing in it that a terminal would obey, and no longer than `width` bytes.
std::string PrintProgressBar(const Progress& progress, std::size_t width);

// A line: "progress 5/10 message".
std::string PrintProgress(const Progress& progress);

// A line: "info logger: data".
std::string PrintLogMessage(const LogMessage& message);

// A line per tool: its name and the first line of what it does.
std::string PrintTools(const std::vector<Tool>& tools);

// A line per tool: a JSON object with the tool's schemas as they are.
std::string PrintToolsAsJson(const std::vector<Tool>& tools);

// A line per server: name, transport, health, MCP version, what is wrong with it.
std::string PrintServers(const std::vector<Server>& servers);

// A line per server: a JSON object.
std::string PrintServersAsJson(const std::vector<Server>& servers);

// What went wrong, for programs' eyes its reason, and what to do about it: a line each. `address`
// is where the bridge was looked for.
std::string PrintError(const CallError& error, const std::string& address);

// The process's exit code for an error; --help lists them.
int ExitCodeOf(const CallError& error);

}  // namespace mcpbridge::client
