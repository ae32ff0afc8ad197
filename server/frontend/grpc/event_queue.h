#pragma once

#include <mcpbridge/v1/tool_service.pb.h>

#include <cstddef>
#include <deque>

namespace mcpbridge {

// The events of one call that wait for their reader, in order, within a bound. Not synchronised.
class EventQueue {
 public:
  // Of memory. Room for about a thousand events of progress; and if every one of 4096 calls had a
  // reader that is asleep, 1 GiB.
  static constexpr std::size_t kMaxBytes = 256 << 10;

  // Takes `event`, whatever its size if none waits. Where it finds no room: progress takes the
  // place of the last progress that waits, if there is room then; otherwise `event` is dropped.
  void Push(v1::CallToolStreamResponse event);

  bool empty() const { return items_.empty(); }

  // The next one, with `dropped` filled in. Only if not empty.
  v1::CallToolStreamResponse Pop();

  // How many were dropped behind the last event that waits. Counts anew afterwards.
  int TakeDropped();

 private:
  struct Item {
    v1::CallToolStreamResponse event;
    std::size_t bytes;
    int dropped;  // before it
  };

  bool MakeRoomForProgress(std::size_t bytes);

  std::deque<Item> items_;
  std::size_t bytes_ = 0;
  int dropped_ = 0;
};

}  // namespace mcpbridge
