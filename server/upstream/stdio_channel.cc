#include "server/upstream/stdio_channel.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>
#include <csignal>
#include <optional>
#include <utility>

#include "server/base/log.h"

namespace mcpbridge {
namespace {

using boost::system::error_code;

// A pipe's capacity on Linux (man 7 pipe): more at once gains nothing.
constexpr std::size_t kPipeBytes = 64 << 10;
constexpr std::size_t kErrChunk = 4 << 10;
constexpr std::size_t kErrLineBytes = 8 << 10;

// How long a child that has closed its stdin or stdout has to end by itself, so that its true exit
// status becomes known; and how long after the end of a child (and all of its group) something that
// left the group may keep the pipes open.
constexpr std::chrono::milliseconds kLinger{100};

}  // namespace

Result<std::shared_ptr<StdioChannel>> StdioChannel::Start(Lane& lane, const std::string& name,
                                                          const ChildCommand& command,
                                                          const Limits& limits, Handler& handler) {
  auto child = ChildProcess::Start(lane.io(), command);
  if (!child) return child.error();
  auto channel =
      std::make_shared<StdioChannel>(lane, name, std::move(child.value()), limits, handler);
  channel->Begin();
  return channel;
}

StdioChannel::StdioChannel(Lane& lane, const std::string& name, std::unique_ptr<ChildProcess> child,
                           const Limits& limits, Handler& handler)
    : lane_(lane),
      name_(name),
      child_(std::move(child)),
      limits_(limits),
      handler_(handler),
      out_(kPipeBytes),
      err_(kErrChunk) {}

StdioChannel::~StdioChannel() = default;

void StdioChannel::Begin() {
  WaitForExit();
  ReadOut();
  ReadErr();
}

bool StdioChannel::WriteRequest(std::int64_t id, std::string line) {
  if (queued_bytes_ + line.size() > limits_.queued_bytes) return false;
  Push({id, std::move(line)});
  return true;
}

bool StdioChannel::TakeBack(std::int64_t id) {
  const auto found = std::find_if(queue_.rbegin(), queue_.rend(),
                                  [id](const Frame& frame) { return frame.id == id; });
  if (found == queue_.rend()) return false;
  queued_bytes_ -= found->line.size();
  queue_.erase(std::next(found).base());
  return true;
}

void StdioChannel::Push(Frame frame) {
  if (stage_ != Stage::kOpen) return;  // it ends: OnEnd() tells
  queued_bytes_ += frame.line.size();
  queue_.push_back(std::move(frame));
  if (writing_.empty()) StartWrite();
}

void StdioChannel::StartWrite() {
  if (writing_.empty()) {
    do {
      Frame frame = std::move(queue_.front());
      queue_.pop_front();
      queued_bytes_ -= frame.line.size();
      writing_.empty() ? writing_.swap(frame.line) : void(writing_ += frame.line);
    } while (!queue_.empty() && writing_.size() + queue_.front().line.size() <= kPipeBytes);
    written_ = 0;
  }
  child_->in().async_write_some(
      boost::asio::buffer(writing_.data() + written_, writing_.size() - written_),
      [weak = weak_from_this()](error_code error, std::size_t size) {
        const auto self = weak.lock();
        if (!self || error == boost::asio::error::operation_aborted) return;
        error ? self->OnWriteError() : self->OnWritten(size);
      });
}

void StdioChannel::OnWritten(std::size_t size) {
  written_ += size;
  if (written_ == writing_.size()) {
    // Memory is kept for the next one, unless it was for something large.
    if (writing_.size() <= kPipeBytes) {
      writing_.clear();
    } else {
      writing_ = std::string();
    }
    if (queue_.empty()) {
      if (stage_ == Stage::kStdinClosed) CloseStdin();
      return;
    }
  }
  StartWrite();
}

void StdioChannel::OnWriteError() {
  queue_.clear();
  queued_bytes_ = 0;
  CloseStdin();
  OnHalfOpen();
}

void StdioChannel::CloseStdin() {
  error_code ignored;
  child_->in().close(ignored);
}

void StdioChannel::ReadOut() {
  child_->out().async_read_some(
      out_.Space(), [weak = weak_from_this()](error_code error, std::size_t size) {
        const auto self = weak.lock();
        if (!self || error == boost::asio::error::operation_aborted) return;
        if (error) return self->OnOutEnd();
        self->out_.Commit(size, [&self](std::string_view line) { return self->TakeLine(line); });
        if (self->killed_) self->out_.DropRest();
        self->SkipRestIfTooLong();
        self->ReadOut();
      });
}

bool StdioChannel::TakeLine(std::string_view line) {
  if (killed_) return false;
  if (!skipping_ && line.size() <= limits_.line_bytes) {
    handler_.OnLine(line);
    return !killed_;
  }
  if (!skipping_) skipping_.emplace();
  skipping_->Feed(line);
  handler_.OnLineTooLong(std::exchange(skipping_, std::nullopt)->id());
  return !killed_;
}

void StdioChannel::SkipRestIfTooLong() {
  if (!skipping_) {
    if (out_.Rest().size() <= limits_.line_bytes) return;
    skipping_.emplace();
  }
  skipping_->Feed(out_.Rest());
  out_.DropRest();
}

void StdioChannel::OnOutEnd() {
  out_ended_ = true;
  OnHalfOpen();
  EndIfAllRead();
}

void StdioChannel::ReadErr() {
  child_->err().async_read_some(err_.Space(),
                                [weak = weak_from_this()](error_code error, std::size_t size) {
                                  const auto self = weak.lock();
                                  if (!self || error == boost::asio::error::operation_aborted)
                                    return;
                                  if (!error) {
                                    self->err_.Commit(size, [&self](std::string_view line) {
                                      self->LogErr(line);
                                      return true;
                                    });
                                  }
                                  if (error || self->err_.Rest().size() > kErrLineBytes) {
                                    if (!self->err_.Rest().empty()) self->LogErr(self->err_.Rest());
                                    self->err_.DropRest();
                                  }
                                  if (!error) return self->ReadErr();
                                  self->err_ended_ = true;
                                  self->EndIfAllRead();
                                });
}

void StdioChannel::LogErr(std::string_view line) {
  if (!line.empty()) spdlog::info("upstream {} stderr: {}", name_, Printable(line, kErrLineBytes));
}

void StdioChannel::WaitForExit() {
  child_->ended().async_wait(ChildProcess::Descriptor::wait_read,
                             [weak = weak_from_this()](error_code error) {
                               const auto self = weak.lock();
                               if (self && !error) self->OnExit();
                             });
}

void StdioChannel::Close() {
  if (stage_ >= Stage::kStdinClosed) return;
  SetStage(Stage::kStdinClosed, limits_.stop_step);
  if (writing_.empty()) CloseStdin();
}

void StdioChannel::Kill() {
  killed_ = true;
  if (stage_ >= Stage::kKilled) return;
  Disarm();
  stage_ = Stage::kKilled;
  child_->SignalGroup(SIGKILL);
}

void StdioChannel::OnHalfOpen() {
  if (stage_ == Stage::kOpen) SetStage(Stage::kHalfOpen, kLinger);
}

void StdioChannel::OnExit() {
  child_->Reap();
  SetStage(Stage::kExited, kLinger);
  EndIfAllRead();
}

void StdioChannel::OnDeadline() {
  switch (stage_) {
    case Stage::kHalfOpen:
    case Stage::kTerminated:
      return Kill();
    case Stage::kStdinClosed:
      CloseStdin();
      SetStage(Stage::kTerminated, limits_.stop_step);
      return child_->SignalGroup(SIGTERM);
    case Stage::kExited:
      return End();
    case Stage::kOpen:
    case Stage::kKilled:
    case Stage::kEnded:
      return;
  }
}

void StdioChannel::SetStage(Stage stage, std::chrono::milliseconds limit) {
  Disarm();
  stage_ = stage;
  lane_.deadlines().Arm(*this, Deadline::After(limit));
}

void StdioChannel::EndIfAllRead() {
  if (stage_ == Stage::kExited && out_ended_ && err_ended_) End();
}

void StdioChannel::End() {
  Disarm();
  stage_ = Stage::kEnded;
  handler_.OnEnd(child_->Reap());
}

}  // namespace mcpbridge
