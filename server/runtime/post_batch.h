#pragma once

#include <absl/functional/any_invocable.h>

#include <utility>
#include <vector>

namespace mcpbridge {

class Lane;

// What its thread posts to lanes while it lives, kept until Flush(): a lane is woken once for all
// of it instead of once for each, which is most of what a hand-over costs. Its order is kept.
// One per thread, on that thread only.
class PostBatch {
 public:
  PostBatch() { current_ = this; }
  PostBatch(const PostBatch&) = delete;
  PostBatch& operator=(const PostBatch&) = delete;
  ~PostBatch() {
    Flush();
    current_ = nullptr;
  }

  // This thread's; null: what it posts goes at once.
  static PostBatch* Current() { return current_; }

  void Add(Lane& lane, absl::AnyInvocable<void()> f);

  void Flush();

 private:
  struct Box {
    Lane* lane;
    std::vector<absl::AnyInvocable<void()>> posted;
  };

  static thread_local PostBatch* current_;
  std::vector<Box> boxes_;  // one for each lane that was ever posted to
};

}  // namespace mcpbridge
