// SPDX-License-Identifier: MIT
// Table: typed access to the keys of one table; what is left over was misspelt.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/base/result.hpp>
#include <vmfleet/base/units.hpp>

#include "fleet/spec_node.hpp"
#include "fleet/spec_problems.hpp"

namespace vmfleet::spec {

/// A getter leaves its target as it is when the key is absent, and reports what does not fit.
/// `finish` reports the keys that nobody asked for.
class Table {
 public:
  Table(const Node& node, std::string path, Problems& problems);

  void text(std::string_view key, std::string& into);
  void flag(std::string_view key, bool& into);
  void number(std::string_view key, std::int64_t least, std::int64_t most,
              const std::function<void(std::int64_t)>& take);
  void bytes(std::string_view key, const std::function<void(Bytes)>& take);
  void duration(std::string_view key, const std::function<void(Milliseconds)>& take);
  /// A list of strings; one string stands for a list of one.
  void texts(std::string_view key, std::vector<std::string>& into);
  /// A word for which there is a `parse` function.
  template <class T>
  void word(std::string_view key, Result<T> (*parse)(std::string_view), T& into) {
    std::optional<std::string> given;
    word_text(key, given);
    if (!given) return;
    const Result<T> parsed = parse(*given);
    if (parsed) {
      into = *parsed;
    } else {
      add(key, parsed.error().message(), parsed.error().hint());
    }
  }

  /// A table inside this one, or a list of them; nothing when it is absent or something else.
  const Node* table(std::string_view key);
  std::vector<const Node*> tables(std::string_view key);
  /// Whatever is there; known from now on.
  const Node* any(std::string_view key);

  void finish();

  [[nodiscard]] std::string path_of(std::string_view key) const;
  void add(std::string_view key, const std::string& what, const std::string& hint = {});
  [[nodiscard]] const Node& node() const noexcept { return node_; }
  [[nodiscard]] Problems& problems() const noexcept { return problems_; }

 private:
  const Node* of_kind(std::string_view key, Kind kind, std::string_view hint = {});
  void word_text(std::string_view key, std::optional<std::string>& into);

  const Node& node_;
  std::string path_;
  Problems& problems_;
  std::vector<std::string> known_;
};

}  // namespace vmfleet::spec
