#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "server/config/config.h"
#include "server/store/redis_link.h"

namespace mcpbridge {

// What several bridges tell each other of their clients' sessions, through Redis: which their
// clients have ended, and what was said on their event streams. Each bridge writes what happens
// with it and follows what happens with the others, so that nobody ever waits for Redis: it may be
// gone, and come back. Two threads of its own, one that writes and one that reads. Thread-safe.
//
// Sessions are known by the random part of their ids, which doesn't make an id.
class SessionJournal {
 public:
  struct Event {
    std::uint64_t stream = 0;
    std::uint64_t index = 0;
    bool last = false;
    std::string text = {};
  };

  struct Options {
    std::string space;  // bridges of the same name have the same journal
    // How long an end is remembered, and what is said.
    std::chrono::milliseconds ended_age = std::chrono::hours(24);
    std::chrono::milliseconds said_age = std::chrono::minutes(5);
    // What is kept of the others' events; the oldest go first.
    std::size_t most_bytes = 64 << 20;
    // Another bridge's client has ended a session. On the reading thread.
    std::function<void(std::string_view session)> on_ended = {};
  };

  // What may wait to be written: beyond it the oldest is dropped, and that is logged.
  static constexpr std::size_t kMostWaiting = 4 << 20;

  // Keeps `address`.
  SessionJournal(const StoreAddress& address, Options options);
  ~SessionJournal();
  SessionJournal(const SessionJournal&) = delete;
  SessionJournal& operator=(const SessionJournal&) = delete;

  // What waits is written if Redis takes it within a second. Idempotent.
  void Stop();

  void AddEnded(std::string_view session);
  void AddSaid(std::string_view session, Event event);

  // What other bridges have said to a session on a stream, oldest first.
  std::vector<Event> Said(std::string_view session, std::uint64_t stream) const;

 private:
  struct Entry {
    bool ended = false;  // otherwise said
    std::string session;
    Event event;
    std::size_t size() const { return session.size() + event.text.size() + 64; }
  };
  struct Heard {
    std::string session;
    Event event;
    std::chrono::steady_clock::time_point at;
  };

  void Add(Entry entry);
  void WriteAll();
  std::deque<Entry> TakeWaiting();
  bool Write(const std::deque<Entry>& entries);
  std::vector<std::string> CommandFor(const Entry& entry) const;
  void ReadAll();
  bool Read();
  void TakeEntry(const std::string& key, const redisReply& fields);
  void Keep(std::string session, Event event);
  void ForgetOld();
  void DropOldest();
  void Pause();

  const StoreAddress address_;
  const Options options_;
  const std::string origin_;  // of this process: it doesn't listen to itself
  const std::string ended_key_;
  const std::string said_key_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::deque<Entry> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::deque<std::shared_ptr<const Heard>> heard_;  // oldest first
  std::unordered_map<std::string, std::deque<std::shared_ptr<const Heard>>> by_session_;
  std::size_t heard_bytes_ = 0;

  RedisLink writing_;
  RedisLink reading_;
  std::string ended_from_ = "0-0";
  std::string said_from_;
  std::thread writer_;
  std::thread reader_;
};

}  // namespace mcpbridge
