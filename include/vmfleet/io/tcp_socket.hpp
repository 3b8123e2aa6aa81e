// SPDX-License-Identifier: MIT
// TcpSocket: a TCP connection to a numeric address.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <vmfleet/async/loop.hpp>

namespace vmfleet {

namespace detail {
class Stream;
}

/// One task reads, one writes, at a time. *Threads*: its loop's own.
/// *Lifetime*: ends before its loop, and after its reads and writes.
class TcpSocket {
 public:
  /// `address` is numeric, IPv4 or IPv6. *Errors*: `disconnected` (refused), `unavailable`,
  /// `invalid_config` (not an address). *Cancellation*: the attempt is given up.
  static Task<TcpSocket> connect(std::string address, std::uint16_t port);

  TcpSocket(TcpSocket&&) noexcept;
  TcpSocket& operator=(TcpSocket&&) noexcept;
  ~TcpSocket();

  /// Bytes read, at least one; 0 at the end of the stream. *Errors*: `disconnected`.
  Task<std::size_t> read(std::span<char> into);
  /// Writes all of `data`, which lives until then. *Errors*: `disconnected`.
  Task<void> write(std::string_view data);
  void close() noexcept;

 private:
  explicit TcpSocket(std::unique_ptr<detail::Stream> stream);
  std::unique_ptr<detail::Stream> stream_;
};

}  // namespace vmfleet
