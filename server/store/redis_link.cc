#include "server/store/redis_link.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <utility>
#include <vector>

namespace mcpbridge {
namespace {

timeval ToTimeval(std::chrono::milliseconds time) {
  timeval value{};
  value.tv_sec = time.count() / 1000;
  value.tv_usec = (time.count() % 1000) * 1000;
  return value;
}

}  // namespace

RedisLink::RedisLink(const StoreAddress& address, std::chrono::milliseconds patience)
    : address_(address), patience_(patience) {}

RedisLink::~RedisLink() { Close({}); }

bool RedisLink::Connect() {
  if (context_ != nullptr) return true;
  const timeval patience = ToTimeval(patience_);
  redisContext* const made =
      address_.unix_path.empty()
          ? redisConnectWithTimeout(address_.host.c_str(), address_.port, patience)
          : redisConnectUnixWithTimeout(address_.unix_path.c_str(), patience);
  if (made == nullptr || made->err != 0) {
    lost_ = made == nullptr ? "no memory for a connection" : made->errstr;
    redisFree(made);
    return false;
  }
  if (!Adopt(made)) return false;
  redisSetTimeout(made, patience);
  return Greet();
}

// False: it was interrupted meanwhile.
bool RedisLink::Adopt(redisContext* made) {
  const std::lock_guard lock(mutex_);
  if (interrupted_) {
    redisFree(made);
    return false;
  }
  context_ = made;
  return true;
}

bool RedisLink::Greet() {
  std::vector<std::vector<std::string>> commands;
  if (!address_.password.empty()) {
    std::vector<std::string> auth{"AUTH"};
    if (!address_.user.empty()) auth.push_back(address_.user);
    auth.push_back(address_.password);
    commands.push_back(std::move(auth));
  }
  if (address_.database != 0) commands.push_back({"SELECT", std::to_string(address_.database)});
  for (const auto& command : commands) {
    Append(command);
    if (Next() == nullptr) return false;
  }
  return true;
}

void RedisLink::Append(std::span<const std::string> words) {
  if (context_ == nullptr) return;
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const std::string& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  redisAppendCommandArgv(context_, static_cast<int>(texts.size()), texts.data(), sizes.data());
}

RedisLink::Reply RedisLink::Next() {
  if (context_ == nullptr) return nullptr;
  void* answer = nullptr;
  if (redisGetReply(context_, &answer) != REDIS_OK) {
    Close(context_->errstr);
    return nullptr;
  }
  Reply reply(static_cast<redisReply*>(answer));
  if (reply->type != REDIS_REPLY_ERROR) return reply;
  // Of Redis itself, which quotes no password.
  Close(std::string(reply->str, reply->len));
  return nullptr;
}

void RedisLink::Close(std::string why) {
  lost_ = std::move(why);
  const std::lock_guard lock(mutex_);
  if (context_ != nullptr) redisFree(std::exchange(context_, nullptr));
}

void RedisLink::Interrupt() {
  const std::lock_guard lock(mutex_);
  interrupted_ = true;
  if (context_ != nullptr) shutdown(context_->fd, SHUT_RDWR);
}

}  // namespace mcpbridge
