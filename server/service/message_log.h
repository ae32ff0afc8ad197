#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/base/deadline.h"

namespace mcpbridge {

// What the bridge says to one client on event streams, kept for a while, so that a stream that has
// broken off can be taken up again from any connection. Thread-safe.
class MessageLog {
 public:
  // 0: what belongs to no request; others: one for each request that is answered with events.
  using Stream = std::uint64_t;

  // A place in a stream: behind its message number `index`; 0: before the first.
  struct Position {
    Stream stream = 0;
    std::uint64_t index = 0;
    friend bool operator==(const Position&, const Position&) = default;
  };

  // What all logs together may keep, in bytes.
  struct Budget {
    std::atomic<std::size_t> limit = 0;
    std::atomic<std::size_t> used{0};
  };

  // What one log keeps: a session's share that lets 64 of them be full within the default budget.
  static constexpr std::size_t kMaxBytes = 1 << 20;
  // Messages so old are dropped: who has lost its stream comes back within seconds.
  static constexpr std::chrono::minutes kMaxAge{5};

  // `first`: what numbers of streams, and of messages of stream 0, begin behind. One that goes on
  // with a session of another bridge begins behind all that were given out there.
  explicit MessageLog(Budget& budget, std::uint64_t first = 0);
  ~MessageLog();
  MessageLog(const MessageLog&) = delete;
  MessageLog& operator=(const MessageLog&) = delete;

  // Whatever is added goes there too, unless it is too large to be kept. Must not call the log.
  // Before the first message.
  using Teller = std::function<void(Position at, const std::string& text, bool last)>;
  void TellTo(Teller teller) { teller_ = std::move(teller); }

  // What a log of the same session elsewhere has given out.
  struct Given {
    std::uint64_t index = 0;
    std::string text = {};
    bool last = false;
  };
  // Takes in what is known of one stream, oldest first, as far as there is room: of a request's,
  // or, before anything has been added, of stream 0.
  void Restore(Stream stream, std::vector<Given> messages);

  // Begins a stream for a request.
  Stream Begin();

  struct Added {
    Position at;
    bool kept;  // false: it is too large, or the budget is used up; who comes back won't get it
  };
  // Adds a message, at the cost of the oldest ones; with `last`, ends its stream. A reader is
  // woken; the last message reaches one that is there, however large.
  Added Add(Stream stream, std::string message, bool last = false);

  // Adds a message to stream 0, unless the last one there is the same and hasn't been read.
  void AddUnlessWaiting(std::string message);

  // Ends a stream without a last message, if it hasn't ended.
  void End(Stream stream);

  // A reader of one stream; the log holds no more than this of it.
  struct Reader {
    // There may be something to read, or the stream is another reader's now. Any thread; must not
    // call the log.
    std::function<void()> wake;
  };
  enum class Attached { kYes, kTaken, kGone };
  // Begins to read behind `after`. kTaken: stream 0 has a reader, and `take_over` is false. kGone:
  // there is no such stream, or what follows is not kept any more. A reader before is woken and
  // finds its stream kOver.
  Attached Attach(Position after, std::shared_ptr<Reader> reader, bool take_over);
  void Detach(Stream stream, const Reader& reader);

  struct Next {
    enum class Kind { kMessage, kNothingYet, kOver };
    Kind kind = Kind::kNothingYet;
    Position at = {};
    std::shared_ptr<const std::string> message = {};
    bool last = false;
  };
  // What `reader` reads behind `after`. kOver: the stream has ended there, or isn't the reader's.
  Next Read(Position after, const Reader& reader);
  // `at`, where this log can have given it out; in stream 0 otherwise, as another bridge has given
  // it out, ReadUpTo().
  Position KnownFrom(Position at) const;
  // Up to where stream 0 has been read by anybody.
  Position ReadUpTo() const;
  bool HasReader(Stream stream) const;

  // Drops what is older than kMaxAge.
  void Prune();
  // Ends all streams for good.
  void Close();

 private:
  struct Message {
    std::uint64_t index;
    std::shared_ptr<const std::string> text;
    bool last;
    bool counted;  // in the budget; false: kept for a reader that is there
    Deadline::Clock::time_point at;
  };
  struct StreamState {
    std::uint64_t count = 0;  // messages it has had
    bool ended = false;
    std::deque<Message> kept;
    std::shared_ptr<Reader> reader;
  };

  Added AddLocked(Stream stream, std::string message, bool last);
  bool TakeBudget(std::size_t size);
  void DropOldest();
  void Forget(std::map<Stream, StreamState>::iterator stream);
  static void Wake(const StreamState& state);

  Budget& budget_;
  const std::uint64_t first_;
  Teller teller_;
  mutable std::mutex mutex_;
  bool restored_ = false;  // stream 0 has what was given out before first_
  Stream last_stream_;
  std::map<Stream, StreamState> streams_;
  std::deque<Stream> order_;       // of each kept message but those too large, oldest first
  std::size_t bytes_ = 0;          // of what is in order_
  std::size_t counted_bytes_ = 0;  // of it, in the budget
  std::uint64_t read_up_to_;       // of stream 0
  bool closed_ = false;
};

}  // namespace mcpbridge
