#include "server/store/session_journal.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <span>
#include <utility>

#include "server/base/log.h"

namespace mcpbridge {
namespace {

using std::chrono::milliseconds;

// The longest that the writer waits for Redis, and so a stop.
constexpr milliseconds kWritePatience{1000};
// One question of the reader's, which Redis answers as soon as there is something.
constexpr milliseconds kReadBlock{1000};
constexpr milliseconds kReadPatience{5000};
// From a failure to the next try.
constexpr milliseconds kPause{1000};
// In one turn.
constexpr std::size_t kMostAtOnce = 256;

std::string Random() {
  std::array<unsigned char, 8> bits{};
  RAND_bytes(bits.data(), static_cast<int>(bits.size()));
  std::string text;
  for (const unsigned char byte : bits) text += std::to_string(byte) + ".";
  return text;
}

// The id of the first entry of a stream of Redis's that is younger than `age`.
std::string FirstWithin(milliseconds age) {
  const auto now =
      std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  return std::to_string(std::max<long long>(0, (now - age).count())) + "-0";
}

std::string TextOf(const redisReply& reply) {
  return reply.type == REDIS_REPLY_STRING ? std::string(reply.str, reply.len) : std::string();
}

std::uint64_t NumberOf(const std::string& text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::span<redisReply* const> ElementsOf(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ARRAY) return {};
  return {reply.element, reply.elements};
}

}  // namespace

SessionJournal::SessionJournal(const StoreAddress& address, Options options)
    : address_(address),
      options_(std::move(options)),
      origin_(Random()),
      ended_key_("mcp-bridge:" + options_.space + ":ended"),
      said_key_("mcp-bridge:" + options_.space + ":said"),
      writing_(address, kWritePatience),
      reading_(address, kReadPatience),
      said_from_(FirstWithin(options_.said_age)) {
  writer_ = std::thread([this] { WriteAll(); });
  reader_ = std::thread([this] { ReadAll(); });
}

SessionJournal::~SessionJournal() { Stop(); }

void SessionJournal::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (writer_.joinable()) writer_.join();
  reading_.Interrupt();
  if (reader_.joinable()) reader_.join();
}

void SessionJournal::AddEnded(std::string_view session) {
  Add({.ended = true, .session = std::string(session), .event = {}});
}

void SessionJournal::AddSaid(std::string_view session, Event event) {
  Add({.ended = false, .session = std::string(session), .event = std::move(event)});
}

void SessionJournal::Add(Entry entry) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    waiting_bytes_ += entry.size();
    waiting_.push_back(std::move(entry));
    std::size_t dropped = 0;
    for (; waiting_bytes_ > kMostWaiting && waiting_.size() > 1; ++dropped) {
      waiting_bytes_ -= waiting_.front().size();
      waiting_.pop_front();
    }
    if (dropped > 0) {
      spdlog::warn("session store {}: {} entries dropped, it doesn't take them fast enough",
                   address_.ToString(), dropped);
    }
  }
  changed_.notify_all();
}

std::deque<SessionJournal::Entry> SessionJournal::TakeWaiting() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
  std::deque<Entry> taken;
  while (!waiting_.empty() && taken.size() < kMostAtOnce) {
    waiting_bytes_ -= waiting_.front().size();
    taken.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return taken;
}

void SessionJournal::WriteAll() {
  bool works = true;
  for (;;) {
    const std::deque<Entry> entries = TakeWaiting();
    if (entries.empty()) return;
    // Whoever reads finds out what comes twice.
    while (!Write(entries)) {
      if (std::exchange(works, false)) {
        spdlog::warn("session store {}: can't be written to: {}", address_.ToString(),
                     writing_.lost());
      }
      Pause();
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    if (!std::exchange(works, true)) {
      spdlog::info("session store {}: can be written to again", address_.ToString());
    }
  }
}

bool SessionJournal::Write(const std::deque<Entry>& entries) {
  if (!writing_.Connect()) return false;
  for (const Entry& entry : entries) writing_.Append(CommandFor(entry));
  // Nothing of it stays when all bridges are gone.
  for (const auto& [key, age] :
       {std::pair(ended_key_, options_.ended_age), std::pair(said_key_, options_.said_age)}) {
    writing_.Append(std::array<std::string, 3>{"PEXPIRE", key, std::to_string(age.count())});
  }
  for (std::size_t i = 0; i < entries.size() + 2; ++i) {
    if (writing_.Next() == nullptr) return false;
  }
  return true;
}

std::vector<std::string> SessionJournal::CommandFor(const Entry& entry) const {
  std::vector<std::string> words{"XADD",
                                 entry.ended ? ended_key_ : said_key_,
                                 "MINID",
                                 "~",
                                 FirstWithin(entry.ended ? options_.ended_age : options_.said_age),
                                 "*",
                                 "origin",
                                 origin_,
                                 "session",
                                 entry.session};
  if (entry.ended) return words;
  for (std::string word :
       {std::string("stream"), std::to_string(entry.event.stream), std::string("index"),
        std::to_string(entry.event.index), std::string("last"),
        std::string(entry.event.last ? "1" : "0"), std::string("text"), entry.event.text}) {
    words.push_back(std::move(word));
  }
  return words;
}

void SessionJournal::Pause() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPause, [this] { return stopping_; });
}

void SessionJournal::ReadAll() {
  bool works = true;
  for (;;) {
    const bool read = Read();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    if (read != works) {
      read ? spdlog::info("session store {}: is followed again", address_.ToString())
           : spdlog::warn("session store {}: can't be followed: {}", address_.ToString(),
                          reading_.lost());
    }
    works = read;
    if (!read) Pause();
  }
}

// One turn of following the others.
bool SessionJournal::Read() {
  if (!reading_.Connect()) return false;
  reading_.Append(std::array<std::string, 10>{
      "XREAD", "COUNT", std::to_string(kMostAtOnce), "BLOCK", std::to_string(kReadBlock.count()),
      "STREAMS", ended_key_, said_key_, ended_from_, said_from_});
  const RedisLink::Reply reply = reading_.Next();
  if (reply == nullptr) return false;
  for (const redisReply* stream : ElementsOf(*reply)) {
    const auto parts = ElementsOf(*stream);
    if (parts.size() != 2) continue;
    const std::string key = TextOf(*parts[0]);
    for (const redisReply* entry : ElementsOf(*parts[1])) {
      const auto halves = ElementsOf(*entry);
      if (halves.size() != 2) continue;
      (key == ended_key_ ? ended_from_ : said_from_) = TextOf(*halves[0]);
      TakeEntry(key, *halves[1]);
    }
  }
  ForgetOld();
  return true;
}

void SessionJournal::TakeEntry(const std::string& key, const redisReply& fields) {
  std::map<std::string, std::string> values;
  const auto words = ElementsOf(fields);
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    values[TextOf(*words[i])] = TextOf(*words[i + 1]);
  }
  if (values["origin"] == origin_) return;
  if (key == ended_key_) {
    if (options_.on_ended) options_.on_ended(values["session"]);
    return;
  }
  Keep(values["session"], {.stream = NumberOf(values["stream"]),
                           .index = NumberOf(values["index"]),
                           .last = values["last"] == "1",
                           .text = std::move(values["text"])});
}

void SessionJournal::Keep(std::string session, Event event) {
  const std::lock_guard lock(mutex_);
  heard_bytes_ += event.text.size();
  auto heard = std::make_shared<const Heard>(
      Heard{.session = session, .event = std::move(event), .at = std::chrono::steady_clock::now()});
  by_session_[std::move(session)].push_back(heard);
  heard_.push_back(std::move(heard));
  while (!heard_.empty() && heard_bytes_ > options_.most_bytes) DropOldest();
}

void SessionJournal::ForgetOld() {
  const auto before = std::chrono::steady_clock::now() - options_.said_age;
  const std::lock_guard lock(mutex_);
  while (!heard_.empty() && heard_.front()->at < before) DropOldest();
}

void SessionJournal::DropOldest() {
  const auto oldest = std::move(heard_.front());
  heard_.pop_front();
  heard_bytes_ -= oldest->event.text.size();
  const auto of_session = by_session_.find(oldest->session);
  of_session->second.pop_front();
  if (of_session->second.empty()) by_session_.erase(of_session);
}

std::vector<SessionJournal::Event> SessionJournal::Said(std::string_view session,
                                                        std::uint64_t stream) const {
  std::vector<Event> said;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_session_.find(std::string(session));
    if (found == by_session_.end()) return said;
    for (const auto& heard : found->second) {
      if (heard->event.stream == stream) said.push_back(heard->event);
    }
  }
  // Several may have said something, and one something twice.
  std::stable_sort(said.begin(), said.end(),
                   [](const Event& a, const Event& b) { return a.index < b.index; });
  const auto twice = std::unique(said.begin(), said.end(),
                                 [](const Event& a, const Event& b) { return a.index == b.index; });
  said.erase(twice, said.end());
  return said;
}

}  // namespace mcpbridge
