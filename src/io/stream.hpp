// SPDX-License-Identifier: MIT
// Stream: a connected socket, the common part of the unix and TCP ones. Private to this room.
#pragma once

#include <span>
#include <string_view>

#include <vmfleet/base/unique_fd.hpp>

#include "io/poller.hpp"

namespace vmfleet::detail {

class Stream {
 public:
  Stream(Loop& loop, UniqueFd fd, const char* name);

  Task<std::size_t> read(std::span<char> into);
  Task<void> write(std::string_view data);
  void close() noexcept;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// *Errors*: `disconnected` when it was closed.
  Poller& poller();

 private:
  UniqueFd fd_;  // closed after the poller is gone
  std::unique_ptr<Poller> poller_;
};

}  // namespace vmfleet::detail
