#pragma once

#include <cstddef>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcpbridge {

// Valid JSON at random, the same for the same seed: numbers that no double holds, strings in every
// spelling, white space wherever it may stand, keys that mean something elsewhere. No key comes
// twice in an object, and none of the outermost is one of MCP's. Not thread-safe.
class RandomJson {
 public:
  // A key and a value, each raw.
  using Members = std::vector<std::pair<std::string, std::string>>;

  explicit RandomJson(unsigned seed) : random_(seed) {}

  // From 0 to n - 1.
  std::size_t Below(std::size_t n) { return random_() % n; }
  bool OneIn(std::size_t n) { return Below(n) == 0; }

  std::string_view OneOf(std::initializer_list<std::string_view> all) {
    return all.begin()[Below(all.size())];
  }

  std::string Space() { return std::string(OneOf({"", "", "", " ", "\t", "\n", "\r\n", "  "})); }

  std::string Number() {
    return std::string(OneOf({"0", "-0", "7", "-1", "0.1", "1.0", "-2.50", "9007199254740993",
                              "-9223372036854775809", "123456789012345678901234567890", "1e400",
                              "-1E+5", "0.30000000000000004", "4.9e-324", "1e-999"}));
  }

  std::string String() {
    std::string text = "\"";
    for (std::size_t i = Below(6); i > 0; --i) text += Piece();
    return text + '"';
  }

  std::string Value(int depth = 4) {
    if (depth > 0 && OneIn(2)) return OneIn(2) ? Array(depth) : Object(depth);
    switch (Below(4)) {
      case 0:
        return Number();
      case 1:
        return std::string(OneOf({"true", "false", "null"}));
      default:
        return String();
    }
  }

  std::string Array(int depth = 4) {
    std::string text = "[" + Space();
    for (std::size_t i = 0, n = Below(5); i < n; ++i) {
      if (i > 0) text += "," + Space();
      text += Value(depth - 1) + Space();
    }
    return text + "]";
  }

  // Of unknown members only, in no order.
  Members UnknownMembers(std::size_t most, int depth = 4, bool outermost = false) {
    Members members;
    for (std::size_t i = 0, n = Below(most + 1); i < n; ++i) {
      std::string key = "\"" + Piece() + Piece() + std::to_string(i) + '"';
      if (!outermost && i == 0) {
        key = OneOf({R"("")", R"("name")", R"("arguments")", R"("_meta")", R"("progressToken")",
                     R"("result")", R"("jsonrpc")", R"("resultType")", R"("id")"});
      }
      members.insert(members.begin() + static_cast<std::ptrdiff_t>(Below(members.size() + 1)),
                     {std::move(key), Value(depth - 1)});
    }
    return members;
  }

  std::string Object(int depth = 4) { return Written(UnknownMembers(5, depth)); }

  // So many arrays and objects in each other.
  std::string Deep(int levels) {
    std::string open;
    std::string close;
    for (int i = 0; i < levels; ++i) {
      const bool array = OneIn(2);
      open += array ? "[" : R"({"":)";
      close.insert(close.begin(), array ? ']' : '}');
    }
    return open + Number() + close;
  }

  // The object that has them, in their order, with white space at random.
  std::string Written(const Members& members) {
    std::string text = "{" + Space();
    for (const auto& [key, value] : members) {
      if (&key != &members.front().first) text += "," + Space();
      text += key + Space() + ":" + Space() + value + Space();
    }
    return text + "}";
  }

  // Puts a member in at random.
  void Add(Members& members, std::string key, std::string value) {
    members.insert(members.begin() + static_cast<std::ptrdiff_t>(Below(members.size() + 1)),
                   {std::move(key), std::move(value)});
  }

  // `json` without white space outside of its strings.
  static std::string Compact(std::string_view json) {
    std::string out;
    bool in_string = false;
    for (std::size_t i = 0; i < json.size(); ++i) {
      const char c = json[i];
      if (!in_string && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) continue;
      out += c;
      if (in_string && c == '\\') {
        out += json[++i];
      } else if (c == '"') {
        in_string = !in_string;
      }
    }
    return out;
  }

 private:
  // Of what is inside of a string.
  std::string Piece() {
    return std::string(OneOf({"a",
                              "Z9",
                              " ",
                              "\xc3\xa9",
                              R"(\u00e9)",
                              R"(\u00E9)",
                              "\xf0\x9f\x98\x80",
                              R"(\ud83d\ude00)",
                              "\xe2\x80\xa8",
                              "\x7f",
                              R"(\")",
                              R"(\\)",
                              R"(\/)",
                              "/",
                              R"(\n)",
                              R"(\u0000)",
                              R"(\u001f)",
                              "{",
                              "}]",
                              ",",
                              ":",
                              "[",
                              "'",
                              "\xe4\xb8\xad\xe6\x96\x87",
                              R"(\\u0041)",
                              "data: x",
                              "\xef\xbf\xbd",
                              "\xf4\x8f\xbf\xbf",
                              "_meta"}));
  }

  std::mt19937 random_;
};

}  // namespace mcpbridge
