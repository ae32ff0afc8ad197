#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mcpbridge::bench {

// What a caller asks for, and which answer is right. Pure but for the ids, which the caller gives.
class Work {
 public:
  enum class Kind {
    kEcho,   // `size` bytes of text of the call's own, both ways
    kBytes,  // a result of `size` bytes and a few more or less, which only this call asks for
    kSleep,  // an answer after `milliseconds`
  };

  // `tools`: the names on the wire, used in turn.
  Work(Kind kind, std::vector<std::string> tools, std::size_t size, int milliseconds);

  const std::string& ToolOf(std::uint64_t id) const { return tools_[id % tools_.size()]; }
  // Appends the raw JSON object of `arguments`.
  void AppendArguments(std::string& out, std::uint64_t id) const;
  // Whether `text` is what the call `id` asked for.
  bool IsRight(std::string_view text, std::uint64_t id) const;

 private:
  std::size_t BytesOf(std::uint64_t id) const { return size_ + id % kVariety; }

  static constexpr std::uint64_t kVariety = 499;

  const Kind kind_;
  const std::vector<std::string> tools_;
  const std::size_t size_;
  const int milliseconds_;
};

}  // namespace mcpbridge::bench
