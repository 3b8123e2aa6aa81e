// SPDX-License-Identifier: MIT
// ReadyItem: something that the loop's FIFO ready queue runs on its next turn.
#pragma once

#include <vmfleet/async/detail/list.hpp>

namespace vmfleet::detail {

struct ReadyTag;

class ReadyItem : public ListHook<ReadyTag> {
 public:
  virtual void on_ready() noexcept = 0;

 protected:
  ~ReadyItem() = default;
};

using ReadyQueue = List<ReadyItem, ReadyTag>;

}  // namespace vmfleet::detail
