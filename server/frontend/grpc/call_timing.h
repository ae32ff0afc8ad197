#pragma once

#include <charconv>
#include <chrono>
#include <string>
#include <string_view>

namespace mcpbridge {

// Where the time of one call went, for the trailer `mcpbridge-timing`. Marks are set once each, in
// the order of a call's steps; a step that it never came to is left out.
class CallTiming {
 public:
  using Clock = std::chrono::steady_clock;

  void Arrive(Clock::time_point now = Clock::now()) { arrived_ = now; }
  Clock::time_point arrived() const { return arrived_; }
  // On its lane.
  void Begin(Clock::time_point now = Clock::now()) { begun_ = now; }
  // Its session and its connection with the server are ready. The last call counts.
  void Connect(Clock::time_point at) { connected_ = at; }
  // The first that its server says. Only the first call counts.
  void Hear(Clock::time_point now = Clock::now()) {
    if (heard_ == Clock::time_point()) heard_ = now;
  }

  // Milliseconds: "queue=0.02, connect=0.90, first=3.41, total=3.50". queue: from its arrival to
  // its lane; connect: from there to a session and a connection with its server; first: from its
  // lane to the first that its server says, connecting included; total: from its arrival.
  std::string Text(Clock::time_point now = Clock::now()) const {
    std::string text;
    if (begun_ != Clock::time_point()) Append(text, "queue=", begun_ - arrived_);
    if (connected_ != Clock::time_point()) Append(text, "connect=", connected_ - begun_);
    if (heard_ != Clock::time_point()) Append(text, "first=", heard_ - begun_);
    Append(text, "total=", now - arrived_);
    return text;
  }

 private:
  static void Append(std::string& text, std::string_view name, Clock::duration time) {
    const double ms = std::chrono::duration<double, std::milli>(time).count();
    char digits[32];
    const auto end =
        std::to_chars(std::begin(digits), std::end(digits), ms, std::chars_format::fixed, 2);
    if (!text.empty()) text += ", ";
    text.append(name).append(digits, end.ptr);
  }

  Clock::time_point arrived_;
  Clock::time_point begun_;
  Clock::time_point connected_;
  Clock::time_point heard_;
};

}  // namespace mcpbridge
