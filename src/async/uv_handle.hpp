// SPDX-License-Identifier: MIT
// UvHandle<H>: the owner of a libuv handle. Private to the rooms that may see libuv.
#pragma once

#include <utility>

#include "async/loop_core.hpp"

namespace vmfleet::detail {

/// The handle lives in a heap block that its close callback frees, so the owner can go at once.
/// Callbacks ask `owner(handle)` first, which is null once the owner has gone.
template <class H>
class UvHandle {
 public:
  UvHandle(Loop& loop, const char* name) : core_(&loop.core()), block_(new Block(name)) {
    core_->add_handle(*block_);
  }
  UvHandle(UvHandle&& other) noexcept
      : core_(other.core_), block_(std::exchange(other.block_, nullptr)) {}
  UvHandle& operator=(UvHandle&& other) noexcept {
    std::swap(core_, other.core_);
    std::swap(block_, other.block_);
    return *this;
  }
  ~UvHandle() { close(); }

  [[nodiscard]] H* get() noexcept { return &block_->handle; }
  [[nodiscard]] uv_handle_t* base() noexcept { return reinterpret_cast<uv_handle_t*>(get()); }

  void set_owner(void* owner) noexcept { block_->handle.data = owner; }
  template <class Owner>
  static Owner* owner(const H* handle) noexcept {
    return static_cast<Owner*>(handle->data);
  }

  /// Only after the handle's uv_*_init succeeded (otherwise `abandon`).
  void close() noexcept {
    if (block_ == nullptr) return;
    Block* block = std::exchange(block_, nullptr);
    block->core = core_;
    block->handle.data = block;
    core_->closing(*block);
    uv_close(reinterpret_cast<uv_handle_t*>(&block->handle), [](uv_handle_t* handle) {
      auto* closed = static_cast<Block*>(handle->data);
      closed->core->closed();
      delete closed;
    });
  }
  /// Frees a block whose handle was never initialised.
  void abandon() noexcept { delete std::exchange(block_, nullptr); }

 private:
  struct Block : HandleBlock {
    using HandleBlock::HandleBlock;
    H handle{};
    LoopCore* core = nullptr;
  };
  LoopCore* core_;
  Block* block_;
};

}  // namespace vmfleet::detail
