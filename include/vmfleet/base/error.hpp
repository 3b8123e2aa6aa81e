// SPDX-License-Identifier: MIT
// Error: what failed, why, the evidence, and what to do next.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace vmfleet {

/// Classed by what the caller can do next, not by where it happened.
enum class ErrorKind {
  invalid_config,  ///< the request itself is wrong: change it
  not_found,       ///< the named thing does not exist
  unavailable,     ///< a resource is missing or taken right now
  disconnected,    ///< the peer went away
  timed_out,       ///< a deadline passed
  protocol,        ///< the peer said something that it must not say
  exited,          ///< QEMU or the guest ended early
  conflict,        ///< another command holds it
  host_unfit,      ///< this host cannot do it (no QEMU, no memory, no usable KVM)
  corrupt,         ///< stored state was unreadable
  internal,        ///< a defect of vmfleet
};

std::string_view to_string(ErrorKind kind) noexcept;

/// The one exception type of the library (cancellation is not an error, see `Cancelled`).
///
/// `message()` reads "context: context: message: system error"; `what()`, which is what test
/// frameworks and `std::terminate` show, has the evidence and the hint below it. Cheap to copy;
/// copies share.
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message);

  /// The system's reason; appended to `message()`.
  Error&& because(std::error_code code) &&;
  /// What to do next, as a sentence for the user.
  Error&& hint(std::string text) &&;
  /// A line that was seen: a log line, QEMU's own words.
  Error&& evidence(std::string line) &&;
  Error&& evidence_lines(const std::vector<std::string>& lines) &&;
  /// Says what was being done, added on the way up; the outermost context comes first.
  Error& add_context(std::string_view doing);
  Error&& context(std::string_view doing) &&;

  [[nodiscard]] ErrorKind kind() const noexcept;
  [[nodiscard]] const std::error_code& code() const noexcept;
  [[nodiscard]] const std::string& message() const noexcept;
  [[nodiscard]] const std::string& hint() const noexcept;
  [[nodiscard]] const std::vector<std::string>& evidence() const noexcept;
  [[nodiscard]] const char* what() const noexcept override;

 private:
  struct Data;
  Data& own();
  std::shared_ptr<Data> data_;
};

/// An `Error` for a failed system call: "message: strerror(errno)".
[[nodiscard]] Error errno_error(ErrorKind kind, std::string message, int error_number);
/// The same, with the kind derived from the number (ENOENT: not_found, ENOSPC: unavailable…).
[[nodiscard]] Error errno_error(std::string message, int error_number);

}  // namespace vmfleet
