#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/base/error.h"
#include "server/jsonrpc/id_scanner.h"
#include "server/runtime/deadline_queue.h"
#include "server/runtime/lane.h"
#include "server/upstream/child_process.h"
#include "server/upstream/line_reader.h"

namespace mcpbridge {

// One child process and the lines to and from it; knows nothing of what they say. What it writes to
// standard error goes to our log. Lane-only. Destroying it kills the child's process group at once.
class StdioChannel final : public std::enable_shared_from_this<StdioChannel>,
                           private DeadlineEntry {
 public:
  struct Limits {
    std::size_t line_bytes;    // a longer line from the child is OnLineTooLong()
    std::size_t queued_bytes;  // a request that would be queued beyond this is refused
    // Between closing the child's stdin and SIGTERM, and again between that and SIGKILL.
    std::chrono::milliseconds stop_step;
  };

  // Must outlive the channel. Nothing runs inside a call of the channel's own functions.
  class Handler {
   public:
    virtual void OnLine(std::string_view line) = 0;
    // A line beyond `line_bytes` has gone by. `id`: raw, of the message in it; empty: it has none.
    virtual void OnLineTooLong(std::string_view id) = 0;
    // The last call: the child has ended, nothing of its group is left and all that it wrote has
    // been handed over. `exit` says how: "exit status 3". The channel may be destroyed in here.
    virtual void OnEnd(const std::string& exit) = 0;

   protected:
    ~Handler() = default;
  };

  // Runs `command`; `name` is for the log. Error: kUpstreamUnavailable.
  static Result<std::shared_ptr<StdioChannel>> Start(Lane& lane, const std::string& name,
                                                     const ChildCommand& command,
                                                     const Limits& limits, Handler& handler);

  StdioChannel(Lane& lane, const std::string& name, std::unique_ptr<ChildProcess> child,
               const Limits& limits, Handler& handler);
  StdioChannel(const StdioChannel&) = delete;
  StdioChannel& operator=(const StdioChannel&) = delete;
  ~StdioChannel();

  pid_t pid() const { return child_->pid(); }

  // Queues a request, to be written as soon as the child takes it. `line` ends with "\n" and holds
  // no other line end; `id` is not 0. False: too much is queued.
  bool WriteRequest(std::int64_t id, std::string line);
  // The same for anything else; has no bound, so its amount must be bounded by the requests'.
  void Write(std::string line) { Push({0, std::move(line)}); }
  // Takes a request back; false: it is not queued any more, the child has seen it or will.
  bool TakeBack(std::int64_t id);

  std::size_t queued_bytes() const { return queued_bytes_; }

  // Ends the child: closes its stdin, then SIGTERM, then SIGKILL to its group. OnEnd() follows.
  void Close();
  // Ends the child at once. No OnLine() any more; OnEnd() follows.
  void Kill();

 private:
  enum class Stage {
    kOpen,
    kHalfOpen,     // it has closed stdin or stdout: it has a moment to end by itself
    kStdinClosed,  // Close(): what the deadline does next is SIGTERM
    kTerminated,   // then SIGKILL
    kKilled,
    kExited,  // reaped; waiting for the ends of its output
    kEnded,
  };
  struct Frame {
    std::int64_t id;  // 0: not a request
    std::string line;
  };

  void Begin();
  void Push(Frame frame);
  void StartWrite();
  void OnWritten(std::size_t size);
  void CloseStdin();
  void OnWriteError();
  void ReadOut();
  bool TakeLine(std::string_view line);
  void SkipRestIfTooLong();
  void ReadErr();
  void OnOutEnd();
  void LogErr(std::string_view line);
  void WaitForExit();
  void OnHalfOpen();
  void OnExit();
  void OnDeadline() override;
  void SetStage(Stage stage, std::chrono::milliseconds limit);
  void EndIfAllRead();
  void End();

  Lane& lane_;
  const std::string name_;
  const std::unique_ptr<ChildProcess> child_;
  const Limits limits_;
  Handler& handler_;
  Stage stage_ = Stage::kOpen;
  bool killed_ = false;  // by Kill(): what it still says isn't wanted

  std::deque<Frame> queue_;
  std::size_t queued_bytes_ = 0;  // in queue_
  std::string writing_;           // what was queued, joined; not empty: a write is under way
  std::size_t written_ = 0;       // of writing_

  LineReader out_;
  std::optional<jsonrpc::IdScanner> skipping_;  // a line that is too long and goes on
  LineReader err_;
  bool out_ended_ = false;
  bool err_ended_ = false;
};

}  // namespace mcpbridge
