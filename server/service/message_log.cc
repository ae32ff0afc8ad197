#include "server/service/message_log.h"

#include <algorithm>
#include <utility>

namespace mcpbridge {

MessageLog::MessageLog(Budget& budget, std::uint64_t first)
    : budget_(budget), first_(first), last_stream_(first), read_up_to_(first) {
  streams_[0].count = first;
}

MessageLog::~MessageLog() { budget_.used.fetch_sub(counted_bytes_); }

bool MessageLog::TakeBudget(std::size_t size) {
  if (budget_.used.fetch_add(size) + size > budget_.limit) {
    budget_.used.fetch_sub(size);
    return false;
  }
  counted_bytes_ += size;
  return true;
}

void MessageLog::Restore(Stream stream, std::vector<Given> messages) {
  const std::lock_guard lock(mutex_);
  if (closed_ || messages.empty() || (stream != 0 && streams_.contains(stream))) return;
  std::size_t skip = 0;  // those for which there is no room
  std::size_t size = 0;
  for (const Given& given : messages) size += given.text.size();
  for (; skip < messages.size() && (bytes_ + size > kMaxBytes || !TakeBudget(size)); ++skip) {
    size -= messages[skip].text.size();
  }
  if (skip == messages.size()) return;
  bytes_ += size;
  StreamState& state = streams_[stream];
  for (std::size_t i = skip; i < messages.size(); ++i) {
    state.count = std::max(state.count, messages[i].index);
    state.ended = messages[i].last;
    state.kept.push_back({.index = messages[i].index,
                          .text = std::make_shared<const std::string>(std::move(messages[i].text)),
                          .last = messages[i].last,
                          .counted = true,
                          .at = Deadline::Clock::now()});
    order_.push_back(stream);
  }
  restored_ |= stream == 0;
}

MessageLog::Stream MessageLog::Begin() {
  const std::lock_guard lock(mutex_);
  streams_.emplace(++last_stream_, StreamState{});
  return last_stream_;
}

MessageLog::Added MessageLog::Add(Stream stream, std::string message, bool last) {
  const std::lock_guard lock(mutex_);
  return AddLocked(stream, std::move(message), last);
}

void MessageLog::AddUnlessWaiting(std::string message) {
  const std::lock_guard lock(mutex_);
  const std::deque<Message>& kept = streams_.at(0).kept;
  const bool waits =
      !kept.empty() && kept.back().index > read_up_to_ && *kept.back().text == message;
  if (!waits) AddLocked(0, std::move(message), false);
}

MessageLog::Added MessageLog::AddLocked(Stream stream, std::string message, bool last) {
  const auto found = streams_.find(stream);
  if (closed_ || found == streams_.end() || found->second.ended) return {{stream, 0}, false};
  StreamState& state = found->second;
  const std::uint64_t index = ++state.count;
  const std::size_t size = message.size();
  const bool fits = size <= kMaxBytes;
  if (teller_ && fits) teller_({stream, index}, message, last);
  while (fits && bytes_ + size > kMaxBytes && !order_.empty()) DropOldest();
  bool counted = fits && TakeBudget(size);
  while (fits && !counted && !order_.empty()) {
    DropOldest();
    counted = TakeBudget(size);
  }
  // Whoever is there gets what fits, and any answer, all the same.
  const bool kept = counted || ((fits || last) && state.reader != nullptr);
  if (kept && fits) {
    bytes_ += size;
    order_.push_back(stream);
  }
  if (kept) {
    state.kept.push_back({.index = index,
                          .text = std::make_shared<const std::string>(std::move(message)),
                          .last = last,
                          .counted = counted,
                          .at = Deadline::Clock::now()});
  }
  state.ended = last;
  Wake(state);
  if (!kept && last) Forget(found);
  return {{stream, index}, kept};
}

void MessageLog::End(Stream stream) {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(stream);
  if (found == streams_.end() || found->second.ended) return;
  found->second.ended = true;
  Wake(found->second);
  Forget(found);
}

MessageLog::Attached MessageLog::Attach(Position after, std::shared_ptr<Reader> reader,
                                        bool take_over) {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(after.stream);
  if (closed_ || found == streams_.end() || after.index > found->second.count) {
    return Attached::kGone;
  }
  StreamState& state = found->second;
  if (state.reader != nullptr && !take_over) return Attached::kTaken;
  // The answer is what the stream is for: where it isn't kept, there is nothing to come back to.
  if (state.ended && (state.kept.empty() || state.kept.back().index <= after.index)) {
    return Attached::kGone;
  }
  Wake(state);
  state.reader = std::move(reader);
  return Attached::kYes;
}

void MessageLog::Detach(Stream stream, const Reader& reader) {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(stream);
  if (found == streams_.end() || found->second.reader.get() != &reader) return;
  StreamState& state = found->second;
  state.reader.reset();
  // An answer too large to keep is kept for its reader only.
  if (!state.kept.empty() && state.kept.back().text->size() > kMaxBytes) state.kept.pop_back();
  Forget(found);
}

MessageLog::Next MessageLog::Read(Position after, const Reader& reader) {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(after.stream);
  if (closed_ || found == streams_.end() || found->second.reader.get() != &reader) {
    return {.kind = Next::Kind::kOver};
  }
  const std::deque<Message>& kept = found->second.kept;
  const auto next = std::upper_bound(
      kept.begin(), kept.end(), after.index,
      [](std::uint64_t index, const Message& message) { return index < message.index; });
  if (next == kept.end()) {
    return {.kind = found->second.ended ? Next::Kind::kOver : Next::Kind::kNothingYet};
  }
  if (after.stream == 0) read_up_to_ = std::max(read_up_to_, next->index);
  return {.kind = Next::Kind::kMessage,
          .at = {after.stream, next->index},
          .message = next->text,
          .last = next->last};
}

MessageLog::Position MessageLog::KnownFrom(Position at) const {
  const std::lock_guard lock(mutex_);
  const bool known = at.index >= first_ || restored_;
  if (at.stream != 0 || (known && at.index <= streams_.at(0).count)) return at;
  return {0, read_up_to_};
}

MessageLog::Position MessageLog::ReadUpTo() const {
  const std::lock_guard lock(mutex_);
  return {0, read_up_to_};
}

bool MessageLog::HasReader(Stream stream) const {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(stream);
  return found != streams_.end() && found->second.reader != nullptr;
}

void MessageLog::Prune() {
  const auto before = Deadline::Clock::now() - kMaxAge;
  const std::lock_guard lock(mutex_);
  while (!order_.empty() && streams_.at(order_.front()).kept.front().at < before) DropOldest();
}

void MessageLog::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (const auto& [stream, state] : streams_) Wake(state);
}

void MessageLog::DropOldest() {
  const auto stream = streams_.find(order_.front());
  order_.pop_front();
  const Message& oldest = stream->second.kept.front();
  const std::size_t size = oldest.text->size();
  bytes_ -= size;
  if (oldest.counted) {
    counted_bytes_ -= size;
    budget_.used.fetch_sub(size);
  }
  stream->second.kept.pop_front();
  Forget(stream);
}

// Nothing of a stream is needed once it has ended and all that was kept of it is gone.
void MessageLog::Forget(std::map<Stream, StreamState>::iterator stream) {
  const StreamState& state = stream->second;
  if (stream->first != 0 && state.ended && state.kept.empty() && state.reader == nullptr) {
    streams_.erase(stream);
  }
}

void MessageLog::Wake(const StreamState& state) {
  if (state.reader != nullptr) state.reader->wake();
}

}  // namespace mcpbridge
