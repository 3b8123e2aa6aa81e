// SPDX-License-Identifier: MIT
// Error: shared, copy-on-write data, so that copying an exception cannot throw.
#include <vmfleet/base/error.hpp>

#include <cerrno>

namespace vmfleet {

struct Error::Data {
  ErrorKind kind;
  std::string message;
  std::error_code code;
  std::string hint;
  std::vector<std::string> evidence;
  std::string contexts;  // "outer: inner: "
  std::string line;
  std::string what;

  void compose() {
    line = contexts + message;
    if (code) line += ": " + code.message();
    what = line;
    for (const auto& seen : evidence) what += "\n    " + seen;
    if (!hint.empty()) what += "\nhint: " + hint;
  }
};

std::string_view to_string(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::invalid_config:
      return "invalid_config";
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::unavailable:
      return "unavailable";
    case ErrorKind::disconnected:
      return "disconnected";
    case ErrorKind::timed_out:
      return "timed_out";
    case ErrorKind::protocol:
      return "protocol";
    case ErrorKind::exited:
      return "exited";
    case ErrorKind::conflict:
      return "conflict";
    case ErrorKind::host_unfit:
      return "host_unfit";
    case ErrorKind::corrupt:
      return "corrupt";
    case ErrorKind::internal:
      return "internal";
  }
  return "internal";
}

Error::Error(ErrorKind kind, std::string message) : data_(std::make_shared<Data>()) {
  data_->kind = kind;
  data_->message = std::move(message);
  data_->compose();
}

Error::Data& Error::own() {
  if (data_.use_count() > 1) data_ = std::make_shared<Data>(*data_);
  return *data_;
}

Error&& Error::because(std::error_code code) && {
  Data& data = own();
  data.code = code;
  data.compose();
  return std::move(*this);
}

Error&& Error::hint(std::string text) && {
  Data& data = own();
  data.hint = std::move(text);
  data.compose();
  return std::move(*this);
}

Error&& Error::evidence(std::string line) && {
  Data& data = own();
  data.evidence.push_back(std::move(line));
  data.compose();
  return std::move(*this);
}

Error&& Error::evidence_lines(const std::vector<std::string>& lines) && {
  Data& data = own();
  data.evidence.insert(data.evidence.end(), lines.begin(), lines.end());
  data.compose();
  return std::move(*this);
}

Error& Error::add_context(std::string_view doing) {
  Data& data = own();
  data.contexts.insert(0, std::string(doing) + ": ");
  data.compose();
  return *this;
}

Error&& Error::context(std::string_view doing) && {
  add_context(doing);
  return std::move(*this);
}

ErrorKind Error::kind() const noexcept {
  return data_->kind;
}
const std::error_code& Error::code() const noexcept {
  return data_->code;
}
const std::string& Error::message() const noexcept {
  return data_->line;
}
const std::string& Error::hint() const noexcept {
  return data_->hint;
}
const std::vector<std::string>& Error::evidence() const noexcept {
  return data_->evidence;
}
const char* Error::what() const noexcept {
  return data_->what.c_str();
}

Error errno_error(ErrorKind kind, std::string message, int error_number) {
  return Error(kind, std::move(message))
      .because(std::error_code(error_number, std::generic_category()));
}

namespace {

ErrorKind kind_of(int error_number) {
  switch (error_number) {
    case ENOENT:
      return ErrorKind::not_found;
    case ECONNRESET:
    case ECONNREFUSED:
    case EPIPE:
      return ErrorKind::disconnected;
    case ETIMEDOUT:
      return ErrorKind::timed_out;
    case EEXIST:
    case EWOULDBLOCK:
      return ErrorKind::conflict;
    case EINVAL:
    case ENAMETOOLONG:
      return ErrorKind::invalid_config;
    case EBADF:
    case EFAULT:
      return ErrorKind::internal;
    default:
      return ErrorKind::unavailable;
  }
}

}  // namespace

Error errno_error(std::string message, int error_number) {
  return errno_error(kind_of(error_number), std::move(message), error_number);
}

}  // namespace vmfleet
