#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "server/base/error.h"
#include "server/jsonrpc/id_scanner.h"

namespace mcpbridge::jsonrpc {

// One server-sent event.
struct SseEvent {
  std::string type;   // empty: "message"
  std::string data;   // lines joined by \n; may be empty (a priming event)
  std::string id;     // as of this event; empty: none seen
  int retry_ms = -1;  // -1: the event had no retry field
  // It had more data than is kept: `data` is only the raw id of the message in it, empty: it has
  // none.
  bool too_large = false;
};

// Reads an event stream from chunks cut anywhere: LF, CR and CRLF line ends, comments, multi-line
// data, a byte-order mark (https://html.spec.whatwg.org/multipage/server-sent-events.html).
class SseParser {
 public:
  // What an event with more than `max_event_bytes` of data is: an error, or an event that is
  // `too_large`.
  enum class TooLarge { kFail, kSkip };

  explicit SseParser(std::size_t max_event_bytes, TooLarge too_large = TooLarge::kFail)
      : max_event_bytes_(max_event_bytes), too_large_(too_large) {}

  // Adds bytes; calls `on_event(SseEvent&&)` for each event completed by them. Stops early if
  // `on_event` returns false. False: an event was too large; feed no more.
  template <class F>
  bool Feed(std::string_view chunk, F&& on_event) {
    while (!chunk.empty()) {
      const Step step = Take(chunk);
      if (step == Step::kTooLarge) return false;
      if (step == Step::kEvent && !on_event(std::move(event_))) return true;
    }
    return true;
  }

 private:
  enum class Step { kMore, kEvent, kTooLarge };
  // Consumes up to and including the next line end from `chunk`.
  Step Take(std::string_view& chunk);
  Step EndLine();
  void EndField();
  void TakeBeginOfData();
  void Skip();
  void SkipLine();

  const std::size_t max_event_bytes_;
  const TooLarge too_large_;
  std::string line_;
  std::string data_;
  std::string type_;
  std::string last_id_;
  int retry_ms_ = -1;
  bool has_fields_ = false;
  bool in_data_ = false;  // what comes, up to the next line end, goes to data_
  bool after_cr_ = false;
  bool at_start_ = true;
  std::optional<IdScanner> skipping_;  // takes the data of an event that is too large
  enum class Rest { kNothing, kData, kOther } rest_ = Rest::kNothing;  // of a line that is
  SseEvent event_;
};

// "event: message\ndata: ...\n\n", with a line "id: ..." where `id` isn't empty; line ends, which
// JSON has between its tokens only, become spaces.
std::string SseMessage(std::string_view json, std::string_view id = {});

// An event without a message: from its id on the stream can be taken up again, after `retry_ms`.
std::string SsePriming(std::string_view id, int retry_ms);

}  // namespace mcpbridge::jsonrpc
