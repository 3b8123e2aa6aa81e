// SPDX-License-Identifier: MIT
// InotifyHub: folders are watched, so that a file may come later or be replaced.
#include "io/inotify_hub.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>

#include <vmfleet/base/error.hpp>

namespace vmfleet::detail {

namespace {

constexpr std::uint32_t kNames = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
constexpr std::uint32_t kEvents = kNames | IN_MODIFY | IN_ONLYDIR;

}  // namespace

InotifyHub::InotifyHub(Loop& loop)
    : fd_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)), handle_(loop, "InotifyHub") {
  const int error = fd_ ? -uv_poll_init(loop.uv(), handle_.get(), fd_.get()) : errno;
  if (error != 0) {
    handle_.abandon();
    throw errno_error(ErrorKind::unavailable, "make an inotify instance", error)
        .hint("raise fs.inotify.max_user_instances");
  }
  handle_.set_owner(this);
}

InotifyHub::~InotifyHub() {
  handle_.close();
}

void InotifyHub::add(const std::filesystem::path& folder, FileWatch& watch) {
  const int descriptor = ::inotify_add_watch(fd_.get(), folder.c_str(), kEvents);
  if (descriptor < 0) {
    auto error = errno_error("watch " + folder.string(), errno);
    if (errno == ENOSPC) throw std::move(error).hint("raise fs.inotify.max_user_watches");
    throw error;
  }
  watches_.emplace(descriptor, &watch);
}

void InotifyHub::remove(FileWatch& watch) noexcept {
  for (auto it = watches_.begin(); it != watches_.end(); ++it) {
    if (it->second != &watch) continue;
    const int descriptor = it->first;
    watches_.erase(it);
    if (watches_.count(descriptor) == 0) ::inotify_rm_watch(fd_.get(), descriptor);
    return;
  }
}

void InotifyHub::listen(int change) noexcept {
  const bool before = listening_ > 0;
  listening_ += change;
  if (before == (listening_ > 0)) return;
  if (before) {
    uv_poll_stop(handle_.get());
    return;
  }
  uv_poll_start(handle_.get(), UV_READABLE, [](uv_poll_t* handle, int, int) {
    if (auto* self = UvHandle<uv_poll_t>::owner<InotifyHub>(handle)) self->read_events();
  });
}

void InotifyHub::read_events() noexcept {
  alignas(inotify_event) char buffer[16 * 1024];
  // More than a full queue of the default length holds; the rest is for the loop's next turn, so
  // that writers who never pause starve nobody.
  constexpr int kReads = 64;
  for (int i = 0; i < kReads; ++i) {
    const ssize_t count = ::read(fd_.get(), buffer, sizeof buffer);
    if (count <= 0) return;
    for (const char* at = buffer; at < buffer + count;) {
      const auto& event = *reinterpret_cast<const inotify_event*>(at);
      at += sizeof event + event.len;
      const bool overflow = (event.mask & IN_Q_OVERFLOW) != 0;
      const bool gone = (event.mask & IN_IGNORED) != 0;
      for (auto& [descriptor, watch] : watches_) {
        const bool here = descriptor == event.wd;
        const bool meant = here && event.len > 0 && watch->name() == event.name;
        if (gone && here) watch->gone = true;
        if (!overflow && !meant && !watch->gone) continue;
        if (overflow || (event.mask & kNames) != 0) watch->renamed = true;
        watch->changed.set();
      }
    }
  }
}

}  // namespace vmfleet::detail
