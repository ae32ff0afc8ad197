#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace mcpbridge::client {

// The gRPC status codes, by their numbers.
enum class StatusCode {
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// Why a call has no result. A tool that ran and reports a failure of its own is not this: it is a
// result whose `is_error` is set.
struct CallError {
  StatusCode code = StatusCode::kUnknown;

  // The bridge's reason for programs, e.g. "TOOL_NOT_FOUND" (docs/errors.md lists them). Empty
  // where the bridge had no say: it wasn't reached, or the deadline or a cancellation ended the
  // call here.
  std::string reason = {};

  // In a sentence, for people.
  std::string message = {};

  // Facts that go with the reason, e.g. {"server": "github"}.
  std::map<std::string, std::string> metadata = {};

  // The bridge says that another call makes no sense before this long. Whether this one was
  // executed is not said by that: see IsRetryable().
  std::optional<std::chrono::milliseconds> retry_after = {};
};

// Either a T or the CallError that took its place. Taking the one that isn't there ends the
// process: test first. Values copy and move as T does; not synchronised.
template <class T>
class [[nodiscard]] Outcome {
 public:
  Outcome(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit
  Outcome(CallError error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  const T& value() const& { return Get<0>(state_); }
  T& value() & { return Get<0>(state_); }
  T&& value() && { return std::move(Get<0>(state_)); }

  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

  const CallError& error() const { return Get<1>(state_); }

 private:
  template <std::size_t kIndex, class State>
  static auto& Get(State& state) {
    auto* held = std::get_if<kIndex>(&state);
    if (held == nullptr) {
      std::fputs("bug: mcpbridge::client::Outcome holds the other one: test ok() first\n", stderr);
      std::abort();
    }
    return *held;
  }

  std::variant<T, CallError> state_;
};

}  // namespace mcpbridge::client
