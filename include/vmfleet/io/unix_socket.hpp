// SPDX-License-Identifier: MIT
// UnixSocket and UnixListener: stream sockets in the file system, with paths of any length.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <vmfleet/async/loop.hpp>
#include <vmfleet/base/unique_fd.hpp>

namespace vmfleet {

namespace detail {
class Stream;
}

/// Who holds the other end. *Source*: unix(7), SO_PEERCRED.
struct PeerCredentials {
  pid_t pid;
  uid_t uid;
  gid_t gid;
};

/// A connected stream. One task reads, one writes, at a time.
/// *Threads*: its loop's own. *Lifetime*: ends before its loop, and after its reads and writes.
class UnixSocket {
 public:
  /// *Errors*: `not_found` (no such socket), `disconnected` (nobody listens any more).
  static Task<UnixSocket> connect(std::filesystem::path path);
  /// Takes over a connected descriptor.
  static UnixSocket adopt(Loop& loop, UniqueFd fd);

  UnixSocket(UnixSocket&&) noexcept;
  UnixSocket& operator=(UnixSocket&&) noexcept;
  ~UnixSocket();

  /// Bytes read, at least one; 0 at the end of the stream. *Errors*: `disconnected`.
  /// *Cancellation*: nothing was read.
  Task<std::size_t> read(std::span<char> into);
  /// Writes all of `data`, which lives until then. *Errors*: `disconnected`.
  /// *Cancellation*: some of it may have been written.
  Task<void> write(std::string_view data);
  [[nodiscard]] std::optional<PeerCredentials> peer() const noexcept;
  /// A read or write that waits meanwhile fails with `disconnected`.
  void close() noexcept;

 private:
  explicit UnixSocket(std::unique_ptr<detail::Stream> stream);
  std::unique_ptr<detail::Stream> stream_;
};

class UnixListener {
 public:
  /// Binds and listens. *Errors*: `conflict` when the path exists.
  static UnixListener bind(Loop& loop, const std::filesystem::path& path);
  UnixListener(UnixListener&&) noexcept;
  UnixListener& operator=(UnixListener&&) noexcept;
  ~UnixListener();

  Task<UnixSocket> accept();

 private:
  UnixListener(Loop& loop, UniqueFd fd);
  Loop* loop_;
  std::unique_ptr<detail::Stream> stream_;
};

/// A listening socket that no loop watches, to be inherited by another program.
///
/// The path may have any length; its last component, at most 80 bytes.
/// *Errors*: `conflict` when the path exists, `invalid_config` when the last component is too long.
UniqueFd listen_unix(const std::filesystem::path& path);

}  // namespace vmfleet
