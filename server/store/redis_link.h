#pragma once

#include <hiredis/hiredis.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "server/config/config.h"

namespace mcpbridge {

// One connection to Redis. It blocks: used by one thread of its owner's, except Interrupt().
class RedisLink {
 public:
  struct FreeReply {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
  };
  using Reply = std::unique_ptr<redisReply, FreeReply>;

  // `patience`: the longest that connecting, or one answer, may take. Keeps `address`.
  RedisLink(const StoreAddress& address, std::chrono::milliseconds patience);
  ~RedisLink();
  RedisLink(const RedisLink&) = delete;
  RedisLink& operator=(const RedisLink&) = delete;

  // Connects, if it isn't: with the user, password and database of the address. False: it can't.
  bool Connect();

  // Writes a command that Next() gets the answer of. Null: the connection is lost, or the answer is
  // an error; either way the connection is closed.
  void Append(std::span<const std::string> words);
  Reply Next();

  // Why there is no connection, without any secret.
  const std::string& lost() const { return lost_; }

  // Ends what is under way, and lets no connection be made any more. Any thread.
  void Interrupt();

 private:
  bool Adopt(redisContext* made);
  void Close(std::string why);
  bool Greet();

  const StoreAddress address_;
  const std::chrono::milliseconds patience_;
  std::string lost_;

  std::mutex mutex_;  // of what Interrupt() reads
  redisContext* context_ = nullptr;
  bool interrupted_ = false;
};

}  // namespace mcpbridge
