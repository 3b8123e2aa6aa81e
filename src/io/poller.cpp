// SPDX-License-Identifier: MIT
// Poller, on uv_poll_t.
#include "io/poller.hpp"

#include <vmfleet/base/check.hpp>
#include <vmfleet/base/error.hpp>

namespace vmfleet::detail {

class PollWait final : public Leaf {
 public:
  PollWait(Poller& poller, PollWait*& slot, const char* description) noexcept
      : Leaf(description), poller_(poller), slot_(slot) {}

  void start() noexcept override {
    VMFLEET_CHECK(slot_ == nullptr, "two tasks wait for the same direction of a descriptor");
    slot_ = this;
    poller_.update();
  }
  void stop() noexcept override {
    slot_ = nullptr;
    poller_.update();
    cancelled();
  }
  void wake() noexcept { complete(); }

 private:
  Poller& poller_;
  PollWait*& slot_;
};

Poller::Poller(Loop& loop, int fd, const char* name) : handle_(loop, name) {
  const int error = uv_poll_init(loop.uv(), handle_.get(), fd);
  if (error != 0) {
    handle_.abandon();
    throw errno_error(std::string("watch ") + name, -error);
  }
  handle_.set_owner(this);
}

Poller::~Poller() {
  handle_.close();
  wake(reader_);
  wake(writer_);
}

Task<void> Poller::readable() {
  PollWait wait(*this, reader_, "something to read");
  co_await wait;
}

Task<void> Poller::writable() {
  PollWait wait(*this, writer_, "room to write");
  co_await wait;
}

void Poller::wake(PollWait*& slot) noexcept {
  if (slot != nullptr) std::exchange(slot, nullptr)->wake();
}

void Poller::update() noexcept {
  const int events = (reader_ != nullptr ? UV_READABLE | UV_DISCONNECT : 0) |
                     (writer_ != nullptr ? UV_WRITABLE : 0);
  if (events == 0) {
    uv_poll_stop(handle_.get());
    return;
  }
  uv_poll_start(handle_.get(), events, [](uv_poll_t* handle, int status, int ready) {
    if (auto* self = UvHandle<uv_poll_t>::owner<Poller>(handle)) self->on_event(status, ready);
  });
}

void Poller::on_event(int status, int events) noexcept {
  // A failed watch wakes both: their next system call tells what is wrong.
  if (status < 0 || (events & (UV_READABLE | UV_DISCONNECT)) != 0) wake(reader_);
  if (status < 0 || (events & UV_WRITABLE) != 0) wake(writer_);
  update();
}

}  // namespace vmfleet::detail
