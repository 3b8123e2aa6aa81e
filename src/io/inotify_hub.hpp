// SPDX-License-Identifier: MIT
// InotifyHub: one inotify instance per loop, shared by all tails. Private to this room.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <vmfleet/async/event.hpp>
#include <vmfleet/base/unique_fd.hpp>

#include "async/uv_handle.hpp"

namespace vmfleet::detail {

/// Told of every change of one name in one folder.
class FileWatch {
 public:
  explicit FileWatch(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// Something may have changed since `clear()`.
  Event changed;
  /// The name may stand for another file now.
  bool renamed = true;
  /// The folder was removed: nothing will be announced any more.
  bool gone = false;

 private:
  std::string name_;
};

/// A loop has one instance because a user may have only 128 of them. It is read only while somebody
/// waits.
class InotifyHub final : public LoopService {
 public:
  explicit InotifyHub(Loop& loop);
  ~InotifyHub() override;

  void add(const std::filesystem::path& folder, FileWatch& watch);
  void remove(FileWatch& watch) noexcept;
  /// Tells the watches what has been announced by now.
  void read_events() noexcept;

  /// While one exists, changes are read as they come.
  class Listening {
   public:
    explicit Listening(InotifyHub& hub) noexcept : hub_(hub) { hub_.listen(+1); }
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;
    ~Listening() { hub_.listen(-1); }

   private:
    InotifyHub& hub_;
  };

 private:
  void listen(int change) noexcept;

  UniqueFd fd_;
  UvHandle<uv_poll_t> handle_;
  int listening_ = 0;
  std::multimap<int, FileWatch*> watches_;  // by the folder's watch descriptor
};

}  // namespace vmfleet::detail
