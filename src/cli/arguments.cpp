// SPDX-License-Identifier: MIT
// Options with checked values.
#include "cli/arguments.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <vmfleet/base/text.hpp>
#include <vmfleet/machine/readiness.hpp>

namespace vmfleet::cli {

namespace {

constexpr char kShield = '\x01';

std::string unshielded(std::string word) {
  if (word.size() > 1 && word.front() == '[' && word.back() == kShield) word.pop_back();
  return word;
}

CLI::Option* add_words(CLI::App& app, const std::string& name, std::vector<std::string>& target,
                       const std::string& description) {
  const auto take = [&target](const std::vector<std::string>& words) {
    target.clear();
    for (const auto& word : words) target.push_back(unshielded(word));
  };
  return app.add_option_function<std::vector<std::string>>(name, take, description);
}

}  // namespace

void shield_words(std::vector<std::string>& arguments) {
  auto word = std::find(arguments.begin(), arguments.end(), "--");
  for (; word != arguments.end(); ++word) {
    if (!word->empty() && word->front() == '[') *word += kShield;
  }
}

void add_valued(CLI::App& app, const std::string& name, const std::string& value_name,
                const std::string& description, std::function<void(const std::string&)> take) {
  const auto named_take = [take = std::move(take), name](const std::string& text) {
    try {
      take(text);
    } catch (const Error& error) {
      throw Error(error).context(name.substr(0, name.find(',')));
    }
  };
  app.add_option_function<std::string>(name, named_take, description)->type_name(value_name);
}

void add_text(CLI::App& app, const std::string& name, const std::string& value_name,
              std::string& target, const std::string& description) {
  app.add_option(name, target, description)->type_name(value_name);
}

void add_texts(CLI::App& app, const std::string& name, const std::string& value_name,
               std::vector<std::string>& target, const std::string& description) {
  app.add_option(name, target, description)
      ->type_name(value_name)
      ->expected(1)
      ->allow_extra_args(false)  // else a `--` behind the value would be taken for its end
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_duration(CLI::App& app, const std::string& name, std::optional<Milliseconds>& target,
                  const std::string& description) {
  add_parsed(
      app, name, "D", target, [](const std::string& text) { return parse_duration(text); },
      description);
}

void add_timeout(CLI::App& app, std::optional<Milliseconds>& target,
                 const std::string& description) {
  const auto parse = [](const std::string& text) -> Result<Milliseconds> {
    return text == "none" ? Readiness::kNoTimeout : parse_duration(text);
  };
  add_parsed(app, "--timeout", "D", target, parse, description);
}

void add_count(CLI::App& app, const std::string& name, std::optional<std::size_t>& target,
               std::size_t from, std::size_t to, const std::string& limit,
               const std::string& description) {
  const auto parse = [=](const std::string& text) -> Result<std::size_t> {
    std::size_t count = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, count);
    if (stop == end && error == std::errc() && count >= from && count <= to) return count;
    const bool number = stop == end && error != std::errc::invalid_argument;
    const std::string shown = sanitize(text);
    return Error(ErrorKind::invalid_config,
                 number ? shown + " is out of range" : "'" + shown + "' is not a whole number")
        .hint(fmt::format("{} to {}{}", from, to, limit.empty() ? "" : ": " + limit));
  };
  add_parsed(app, name, "N", target, parse, description);
}

void add_flag(CLI::App& app, const std::string& name, bool& target,
              const std::string& description) {
  app.add_flag(name, target, description)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void add_exclusion(CLI::App& app, const std::string& one, const std::string& other) {
  app.get_option(one)->excludes(other);
}

void add_positional(CLI::App& app, const std::string& value_name, std::string& target,
                    Presence presence, const std::string& description) {
  const auto take = [&target](const std::string& word) { target = unshielded(word); };
  app.add_option_function<std::string>(value_name, take, description)
      ->type_name(value_name)
      ->required(presence == Presence::required);
}

void add_positionals(CLI::App& app, const std::string& value_name, std::vector<std::string>& target,
                     const std::string& description) {
  add_words(app, "words", target, description)->type_name(value_name);
}

void add_program(CLI::App& app, std::vector<std::string>& target, Presence presence,
                 const std::string& description) {
  add_words(app, "command", target, description)
      ->type_name("CMD")
      ->required(presence == Presence::required);
}

void add_names(CLI::App& app, std::vector<std::string>& target) {
  add_positionals(app, "NAME", target, "machines; globs and {1..8} work; all when none is named");
}

void set_alias(CLI::App& app, const std::string& name) {
  app.alias(name);
}

void set_footer(CLI::App& app, const std::string& text) {
  app.footer(text);
}

Error unknown_word(std::string_view word, const std::vector<std::string>& words) {
  const auto meant = nearest(word, words);
  Error error(ErrorKind::invalid_config, fmt::format("unknown word '{}'", sanitize(word)));
  if (!meant.empty()) return std::move(error).hint(fmt::format("did you mean '{}'?", meant));
  return std::move(error).hint(fmt::format("one of: {}", join(words, ", ")));
}

}  // namespace vmfleet::cli
