// SPDX-License-Identifier: MIT
// Problems: everything that is wrong with a fleet file, reported at once.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <vmfleet/base/error.hpp>

#include "fleet/spec_node.hpp"

namespace vmfleet::spec {

class Problems {
 public:
  explicit Problems(std::string origin) : origin_(std::move(origin)) {}

  /// `where` is the key's path. A second problem of the same key at the same place is dropped: the
  /// machines of one class share their lines.
  void add(const Place& place, const std::string& where, const std::string& what,
           const std::string& hint = {});
  [[nodiscard]] bool empty() const noexcept { return problems_.empty(); }

  /// *Errors*: throws `invalid_config` when there are any, in the order of the file.
  void throw_if_any() const;

 private:
  struct Problem {
    unsigned line;
    unsigned column;
    std::string text;
    std::string hint;
  };
  [[nodiscard]] Error to_error() const;

  std::string origin_;
  std::vector<Problem> problems_;
  std::set<std::pair<std::string, std::string>> seen_;
};

}  // namespace vmfleet::spec
