#include "client/completion.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace mcpbridge::client {
namespace {

using Kind = TypedWord::Kind;

// What follows a flag.
enum class Value { kNone, kText, kServer, kShell };

struct Flag {
  std::string_view name;
  Value value;
  bool is_connection;
  std::string_view what_for;
};

constexpr std::array<Flag, 17> kFlags = {{
    {"address", Value::kText, true, "the bridge's gRPC address"},
    {"api_key", Value::kText, true, "the bridge's key"},
    {"completion", Value::kShell, false, "print a script for this shell"},
    {"help", Value::kNone, false, "explain all this"},
    {"json", Value::kNone, false, "print JSON"},
    {"list", Value::kNone, false, "list the tools"},
    {"quiet", Value::kNone, false, "show nothing in the course of the call"},
    {"retries", Value::kText, false, "how often to call again where nothing was executed"},
    {"server", Value::kServer, true, "the server to ask"},
    {"servers", Value::kNone, false, "list the servers"},
    {"timeout", Value::kText, false, "the longest the call may take"},
    {"tls", Value::kNone, true, "encrypt the connection"},
    {"tls_ca", Value::kText, true, "whom to trust, a PEM file"},
    {"tls_cert", Value::kText, true, "our certificate, a PEM file"},
    {"tls_key", Value::kText, true, "its key, a PEM file"},
    {"tls_name", Value::kText, true, "the name that the bridge's certificate must have"},
    {"version", Value::kNone, false, "print the version"},
}};

constexpr std::string_view kBash =
    R"script(# mcp-call: completion for bash. source <(mcp-call --completion bash)
_mcp_call() {
  case ${COMP_WORDS[COMP_CWORD - 1]} in
    --tls_ca | --tls_cert | --tls_key)
      compopt -o default
      return
      ;;
  esac
  mapfile -t COMPREPLY < <(mcp-call --complete "${COMP_LINE:0:COMP_POINT}" 2>/dev/null | cut -f 1)
}
complete -F _mcp_call mcp-call
)script";

constexpr std::string_view kZsh = R"script(#compdef mcp-call
# mcp-call: completion for zsh. source <(mcp-call --completion zsh), after compinit.
_mcp_call() {
  case $words[CURRENT-1] in
    --tls_ca | --tls_cert | --tls_key)
      _files
      return
      ;;
  esac
  local -a found
  found=(${(f)"$(mcp-call --complete "$LBUFFER" 2>/dev/null)"})
  found=("${(@)found//:/\\:}")
  found=("${(@)found//$'\t'/:}")
  _describe mcp-call found
}
compdef _mcp_call mcp-call
)script";

constexpr std::string_view kFish =
    R"script(# mcp-call: completion for fish. mcp-call --completion fish | source
complete -c mcp-call -f -a '(mcp-call --complete (commandline -cp) 2>/dev/null)'
complete -c mcp-call -l tls_ca -r -F
complete -c mcp-call -l tls_cert -r -F
complete -c mcp-call -l tls_key -r -F
)script";

// The words of `line`, as a shell would take them apart: the last one is still being typed, and may
// be empty.
std::vector<std::string> WordsOf(std::string_view line) {
  std::vector<std::string> words(1);
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (in_word) words.emplace_back();
      in_word = false;
      continue;
    }
    in_word = true;
    if (quote != '\'' && c == '\\' && i + 1 < line.size()) {
      words.back() += line[++i];
    } else if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else {
      words.back() += c;
    }
  }
  return words;
}

const Flag* FlagNamed(std::string_view name) {
  const auto found = std::find_if(kFlags.begin(), kFlags.end(),
                                  [&](const Flag& flag) { return flag.name == name; });
  return found == kFlags.end() ? nullptr : &*found;
}

Kind KindOf(Value value) {
  switch (value) {
    case Value::kServer:
      return Kind::kServer;
    case Value::kShell:
      return Kind::kShell;
    case Value::kNone:
    case Value::kText:
      break;
  }
  return Kind::kNothing;
}

// "--name=value" or "--name" in its parts.
struct FlagWord {
  std::string_view name;
  std::optional<std::string_view> value;
};
FlagWord PartsOf(std::string_view word) {
  word.remove_prefix(std::min(word.find_first_not_of('-'), word.size()));
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) return {.name = word, .value = std::nullopt};
  return {.name = word.substr(0, equals), .value = word.substr(equals + 1)};
}

// Reads a command line of ours, word by word.
class LineReader {
 public:
  // A word that is finished.
  void Take(const std::string& word) {
    if (open_ != nullptr) {
      if (open_->is_connection) Keep("--" + std::string(open_->name) + "=" + word);
      open_ = nullptr;
    } else if (flags_are_over_ || !word.starts_with('-')) {
      has_name_ = true;
    } else if (word == "--") {
      flags_are_over_ = true;
    } else {
      TakeFlag(word);
    }
  }

  // The word that is being typed. Last.
  TypedWord Finish(const std::string& begun) {
    typed_.begun = begun;
    if (open_ != nullptr) {
      typed_.kind = KindOf(open_->value);
    } else if (!flags_are_over_ && begun.starts_with('-')) {
      FinishFlag(begun);
    } else if (!has_name_ && !lists_) {
      typed_.kind = Kind::kTool;
    }
    return std::move(typed_);
  }

 private:
  void TakeFlag(const std::string& word) {
    const auto [name, value] = PartsOf(word);
    const Flag* flag = FlagNamed(name);
    if (flag == nullptr) return;
    lists_ |= name == "list" || name == "servers";
    if (!value && flag->value != Value::kNone) {
      open_ = flag;
    } else if (flag->is_connection) {
      Keep(word);
    }
  }

  void FinishFlag(std::string_view begun) {
    const auto [name, value] = PartsOf(begun);
    typed_.kind = Kind::kFlag;
    if (!value) return;
    const Flag* flag = FlagNamed(name);
    typed_.kind = flag == nullptr ? Kind::kNothing : KindOf(flag->value);
    typed_.begun = std::string(*value);
  }

  void Keep(std::string word) { typed_.connection.push_back(std::move(word)); }

  TypedWord typed_;
  const Flag* open_ = nullptr;  // waits for its value
  bool flags_are_over_ = false;
  bool lists_ = false;     // no tool is called
  bool has_name_ = false;  // of the tool
};

// A name that no shell takes for anything else.
bool IsPlain(std::string_view word) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_./:@+").find(c) != std::string_view::npos;
  };
  return !word.empty() && std::all_of(word.begin(), word.end(), plain);
}

// One line, and nothing in it that a terminal would obey.
std::string Shown(std::string_view text) {
  constexpr std::size_t kMost = 80;
  std::string shown(text.substr(0, std::min(text.find_first_of("\r\n"), kMost)));
  std::erase_if(shown, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  return shown;
}

}  // namespace

std::optional<std::string> CompletionScript(std::string_view shell) {
  if (shell == "bash") return std::string(kBash);
  if (shell == "zsh") return std::string(kZsh);
  if (shell == "fish") return std::string(kFish);
  return std::nullopt;
}

TypedWord TypedWordOf(std::string_view line) {
  auto words = WordsOf(line);
  const std::string begun = std::move(words.back());
  words.pop_back();
  // Other commands may stand before ours on the same line.
  const auto ours = std::find_if(words.rbegin(), words.rend(),
                                 [](const auto& word) { return word.ends_with("mcp-call"); });
  LineReader reader;
  std::for_each(ours.base(), words.end(), [&](const auto& word) { reader.Take(word); });
  return reader.Finish(begun);
}

std::string PrintCandidates(const std::vector<Candidate>& candidates, std::string_view begun) {
  std::string all;
  for (const auto& [word, what_for] : candidates) {
    if (!word.starts_with(begun) || !IsPlain(word)) continue;
    all += word;
    if (const auto shown = Shown(what_for); !shown.empty()) all += '\t' + shown;
    all += '\n';
  }
  return all;
}

std::vector<Candidate> FlagCandidates() {
  std::vector<Candidate> candidates;
  for (const auto& flag : kFlags) {
    candidates.push_back(
        {.word = "--" + std::string(flag.name), .what_for = std::string(flag.what_for)});
  }
  return candidates;
}

}  // namespace mcpbridge::client
