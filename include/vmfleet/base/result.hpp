// SPDX-License-Identifier: MIT
// Result<T>: a value, or the Error that prevented it, for callers that branch on the outcome.
#pragma once

#include <utility>
#include <variant>

#include <vmfleet/base/error.hpp>

namespace vmfleet {

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : outcome_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : outcome_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const noexcept { return outcome_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  /// *Errors*: throws the `Error` when there is no value.
  T& value() & {
    if (!ok()) throw std::get<1>(outcome_);
    return std::get<0>(outcome_);
  }
  const T& value() const& {
    if (!ok()) throw std::get<1>(outcome_);
    return std::get<0>(outcome_);
  }
  T&& value() && {
    if (!ok()) throw std::get<1>(outcome_);
    return std::get<0>(std::move(outcome_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  /// Only when `!ok()`.
  [[nodiscard]] const Error& error() const { return std::get<1>(outcome_); }

 private:
  std::variant<T, Error> outcome_;
};

}  // namespace vmfleet
