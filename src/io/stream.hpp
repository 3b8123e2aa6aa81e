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
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  /// While one exists, the stream must not be destroyed.
  class Use {
   public:
    explicit Use(Stream& stream) noexcept : stream_(stream) { ++stream_.users_; }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() { --stream_.users_; }

   private:
    Stream& stream_;
  };

  Task<std::size_t> read(std::span<char> into);
  Task<void> write(std::string_view data);
  void close() noexcept;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// *Errors*: `disconnected` when it was closed.
  Poller& poller();

 private:
  UniqueFd fd_;  // closed after the poller is gone
  std::unique_ptr<Poller> poller_;
  int users_ = 0;
};

}  // namespace vmfleet::detail
