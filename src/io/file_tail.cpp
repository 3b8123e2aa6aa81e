// SPDX-License-Identifier: MIT
// FileTail: reading what inotify announces.
#include <vmfleet/io/file_tail.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <vmfleet/async/time.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/unique_fd.hpp>

#include "io/inotify_hub.hpp"
#include "io/sparse_file.hpp"

namespace vmfleet {

class FileTail::State {
 public:
  State(Loop& loop, std::filesystem::path path, std::uint64_t offset)
      : hub(loop.service<detail::InotifyHub>()),
        watch(path.filename().string()),
        path_(std::move(path)),
        offset_(offset) {
    const auto folder = path_.parent_path();
    hub.add(folder.empty() ? "." : folder, watch);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { hub.remove(watch); }

  TailChunk read() {
    TailChunk chunk = read_open();
    if (!chunk.data.empty() || chunk.restarted || !watch.renamed) return chunk;
    // The old file is read to its end; only now turn to what has its name.
    const bool replaced = reopen();
    watch.renamed = false;
    chunk = read_open();
    chunk.restarted = chunk.restarted || replaced;
    return chunk;
  }

  // Not of FileTail, which may move meanwhile.
  Task<TailChunk> next() {
    const detail::InotifyHub::Listening listening(hub);
    for (;;) {
      co_await yield_now();
      watch.changed.clear();
      TailChunk chunk = read();
      if (!chunk.data.empty() || chunk.restarted) co_return chunk;
      if (watch.gone) {
        throw Error(ErrorKind::not_found, "the folder of " + path_.string() + " was removed");
      }
      co_await watch.changed.wait();
    }
  }

  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

  detail::InotifyHub& hub;
  detail::FileWatch watch;

 private:
  TailChunk read_open() {
    if (!fd_) return {};
    struct stat status {};
    const bool truncated =
        ::fstat(fd_.get(), &status) == 0 && static_cast<std::uint64_t>(status.st_size) < offset_;
    if (truncated) offset_ = 0;
    TailChunk chunk = read_past_holes(fd_.get(), offset_, path_);
    chunk.restarted = chunk.restarted || truncated;
    offset_ = chunk.offset + chunk.data.size();
    return chunk;
  }

  /// True when another file than before has the name.
  bool reopen() {
    UniqueFd fresh(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fresh) {
      if (errno != ENOENT) throw errno_error("open " + path_.string(), errno);
      let_go_if_removed();
      return false;
    }
    struct stat before {};
    struct stat now {};
    const bool open = static_cast<bool>(fd_) && ::fstat(fd_.get(), &before) == 0;
    ::fstat(fresh.get(), &now);
    if (open && before.st_ino == now.st_ino && before.st_dev == now.st_dev) return false;
    fd_ = std::move(fresh);
    const bool replaced = std::exchange(had_one_, true);
    if (replaced) offset_ = 0;
    return replaced;
  }

  // A file that was only renamed is followed until it has a successor. One that was removed is
  // let go: while it is open, the kernel keeps its folder and does not announce that one's end.
  void let_go_if_removed() noexcept {
    struct stat status {};
    if (fd_ && ::fstat(fd_.get(), &status) == 0 && status.st_nlink == 0) fd_.reset();
  }

  std::filesystem::path path_;
  std::uint64_t offset_;
  UniqueFd fd_;
  bool had_one_ = false;
};

FileTail::FileTail(Loop& loop, std::filesystem::path path, std::uint64_t offset)
    : state_(std::make_unique<State>(loop, std::move(path), offset)) {}
FileTail::FileTail(FileTail&&) noexcept = default;
FileTail& FileTail::operator=(FileTail&&) noexcept = default;
FileTail::~FileTail() = default;

TailChunk FileTail::poll() {
  state_->hub.read_events();  // nobody else does while nobody waits
  return state_->read();
}
std::uint64_t FileTail::offset() const noexcept {
  return state_->offset();
}

Task<TailChunk> FileTail::next() {
  return state_->next();
}

}  // namespace vmfleet
