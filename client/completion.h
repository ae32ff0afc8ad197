#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What mcp-call says to a shell that completes its command lines. Pure functions.
namespace mcpbridge::client {

// A script that tells `shell` ("bash", "zsh" or "fish") to ask mcp-call. nullopt: another shell.
std::optional<std::string> CompletionScript(std::string_view shell);

// The word of a command line that is being typed.
struct TypedWord {
  enum class Kind { kNothing, kFlag, kTool, kServer, kShell };
  Kind kind = Kind::kNothing;  // what it is going to be; kNothing: what nobody can guess
  std::string begun = {};      // its beginning, or that of the flag's value

  // The flags before it that say how the bridge is reached and which server is meant, as "--x=y".
  std::vector<std::string> connection = {};
};

// `line`: from its start, or from that of an earlier command on it, to the cursor.
TypedWord TypedWordOf(std::string_view line);

// What a word may become, and what that is for: a line each, "word<tab>what for". Words that don't
// go on as `begun` are left out, and those that a shell would take for more than a name: servers
// write them.
struct Candidate {
  std::string word;
  std::string what_for;
};
std::string PrintCandidates(const std::vector<Candidate>& candidates, std::string_view begun);

// All flags.
std::vector<Candidate> FlagCandidates();

}  // namespace mcpbridge::client
