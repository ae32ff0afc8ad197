#pragma once

#include <functional>
#include <memory>
#include <type_traits>
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

  template <class F>
  void Add(Lane& lane, F&& f) {
    using Function = std::decay_t<F>;
    if constexpr (std::is_copy_constructible_v<Function>) {
      Keep(lane, std::forward<F>(f));
    } else {  // std::function wants copies
      Keep(lane, [f = std::make_shared<Function>(std::forward<F>(f))] { (*f)(); });
    }
  }

  void Flush();

 private:
  void Keep(Lane& lane, std::function<void()> f);

  struct Box {
    Lane* lane;
    std::vector<std::function<void()>> posted;
  };

  static thread_local PostBatch* current_;
  std::vector<Box> boxes_;  // one for each lane that was ever posted to
};

}  // namespace mcpbridge
