#include "tests/bench/work.h"

#include <algorithm>
#include <utility>

namespace mcpbridge::bench {
namespace {

constexpr std::string_view kMark = "text-";

}  // namespace

Work::Work(Kind kind, std::vector<std::string> tools, std::size_t size, int milliseconds)
    : kind_(kind), tools_(std::move(tools)), size_(size), milliseconds_(milliseconds) {}

void Work::AppendArguments(std::string& out, std::uint64_t id) const {
  switch (kind_) {
    case Kind::kEcho: {
      const std::size_t begin = out.append(R"({"text":")").size();
      out.append(kMark).append(std::to_string(id));
      if (out.size() - begin < size_) out.append(size_ - (out.size() - begin), 'x');
      out.append("\"}");
      return;
    }
    case Kind::kBytes:
      out.append(R"({"n":)").append(std::to_string(BytesOf(id))).append("}");
      return;
    case Kind::kSleep:
      out.append(R"({"ms":)").append(std::to_string(milliseconds_)).append("}");
      return;
  }
}

bool Work::IsRight(std::string_view text, std::uint64_t id) const {
  switch (kind_) {
    case Kind::kEcho: {
      const std::string digits = std::to_string(id);
      const std::size_t plain = kMark.size() + digits.size();
      return text.size() == std::max(size_, plain) && text.starts_with(kMark) &&
             text.substr(kMark.size(), digits.size()) == digits;
    }
    case Kind::kBytes:
      return text.size() == BytesOf(id) && text.front() == 'x' && text.back() == 'x';
    case Kind::kSleep:
      return text == "slept " + std::to_string(milliseconds_) + " ms";
  }
  return false;
}

}  // namespace mcpbridge::bench
