// SPDX-License-Identifier: MIT
// Options of commands, with values read by vmfleet's own parsers.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <vmfleet/base/result.hpp>
#include <vmfleet/base/units.hpp>

namespace CLI {
class App;
}

namespace vmfleet::cli {

/// CLI11 takes a word like `[a,b]` for a list. Those behind `--`, which may be a program's, are
/// marked here, and are what they were for whoever takes them by the functions below.
void shield_words(std::vector<std::string>& arguments);

/// An option `--name VALUE`, whose value `take` may refuse with an `Error`; that then names the
/// option. It is `take`'s to keep the value.
void add_valued(CLI::App& app, const std::string& name, const std::string& value_name,
                const std::string& description, std::function<void(const std::string&)> take);

/// The same through `parse`, a function that gives a Result.
template <class T, class Parse>
void add_parsed(CLI::App& app, const std::string& name, const std::string& value_name, T& target,
                Parse parse, const std::string& description) {
  add_valued(app, name, value_name, description, [&target, parse](const std::string& text) {
    auto value = parse(text);
    target = std::move(value).value();
  });
}

void add_text(CLI::App& app, const std::string& name, const std::string& value_name,
              std::string& target, const std::string& description);
/// May be given several times, one value each.
void add_texts(CLI::App& app, const std::string& name, const std::string& value_name,
               std::vector<std::string>& target, const std::string& description);
void add_duration(CLI::App& app, const std::string& name, std::optional<Milliseconds>& target,
                  const std::string& description);
/// `--timeout`: a duration, or `none`.
void add_timeout(CLI::App& app, std::optional<Milliseconds>& target,
                 const std::string& description);
/// A whole number in a range; `limit` says why there is one.
void add_count(CLI::App& app, const std::string& name, std::optional<std::size_t>& target,
               std::size_t from, std::size_t to, const std::string& limit,
               const std::string& description);
void add_flag(CLI::App& app, const std::string& name, bool& target, const std::string& description);

/// Not both of these options, which are there already.
void add_exclusion(CLI::App& app, const std::string& one, const std::string& other);

enum class Presence { optional, required };

/// Arguments without a dash, in their order.
void add_positional(CLI::App& app, const std::string& value_name, std::string& target,
                    Presence presence, const std::string& description);
void add_positionals(CLI::App& app, const std::string& value_name, std::vector<std::string>& target,
                     const std::string& description);
/// The words of a program to run: CMD, best behind `--`, which ends our options.
void add_program(CLI::App& app, std::vector<std::string>& target,
                 Presence presence = Presence::required,
                 const std::string& description = "the program and its arguments, behind --");
/// Names of machines.
void add_names(CLI::App& app, std::vector<std::string>& target);

/// Another name of a command, and lines below its help.
void set_alias(CLI::App& app, const std::string& name);
void set_footer(CLI::App& app, const std::string& text);

Error unknown_word(std::string_view word, const std::vector<std::string>& words);

/// One of several words.
template <class T>
Result<T> choose(std::string_view word, const std::vector<std::pair<std::string, T>>& choices) {
  std::vector<std::string> words;
  for (const auto& [name, value] : choices) {
    if (name == word) return value;
    words.push_back(name);
  }
  return unknown_word(word, words);
}

}  // namespace vmfleet::cli
