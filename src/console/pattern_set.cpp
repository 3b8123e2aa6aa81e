// SPDX-License-Identifier: MIT
// PatternSet: checks and compiles patterns; explains the bad ones.
#include <re2/re2.h>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/console/pattern.hpp>

#include "console/compiled_patterns.hpp"

namespace vmfleet::console {
namespace {

// Latin-1 makes RE2 work on bytes: invalid UTF-8 then is text like any other.
RE2::Options regex_options() {
  RE2::Options options(RE2::Latin1);
  options.set_log_errors(false);
  return options;
}

Error bad_regex(const std::string& expression, const RE2& re) {
  const auto at = expression.find(re.error_arg());
  const std::string place = re.error_arg().empty() || at == std::string::npos
                                ? std::string()
                                : fmt::format(" at character {}", at + 1);
  return Error(ErrorKind::invalid_config,
               fmt::format("regular expression \"{}\" is wrong{}: {}", sanitize(expression), place,
                           sanitize(re.error())))
      .hint(
          "the syntax is RE2's (no look-ahead, no back-references); put a \\ before a character "
          "that stands for itself, or use serial=TEXT for plain text");
}

// The filter does not explain a refusal, so that an expression is compiled on its own first.
void add_regex(re2::FilteredRE2& regexes, const std::string& expression) {
  const RE2 re(expression, regex_options());
  if (!re.ok()) throw bad_regex(expression, re);
  int id = 0;
  if (regexes.Add(expression, regex_options(), &id) != RE2::NoError) {
    throw bad_regex(expression, re);
  }
}

std::vector<std::string> literal_texts(const std::vector<Pattern>& patterns) {
  std::vector<std::string> texts;
  for (const auto& pattern : patterns) {
    if (pattern.kind() == Pattern::Kind::literal) texts.push_back(pattern.text());
  }
  return texts;
}

std::vector<std::string> compile_regexes(const std::vector<Pattern>& patterns,
                                         re2::FilteredRE2& regexes) {
  for (const auto& pattern : patterns) {
    if (pattern.text().empty()) {
      throw Error(ErrorKind::invalid_config, "an empty pattern would match anything")
          .hint("say what the console prints when it has happened");
    }
    if (pattern.kind() == Pattern::Kind::regex) add_regex(regexes, pattern.text());
  }
  std::vector<std::string> atoms;
  if (regexes.NumRegexps() > 0) regexes.Compile(&atoms);
  return atoms;
}

}  // namespace

CompiledPatterns::CompiledPatterns(std::vector<Pattern> all)
    : patterns(std::move(all)),
      literals(literal_texts(patterns), AhoCorasick::Case::exact),
      atoms(compile_regexes(patterns, regexes), AhoCorasick::Case::folded) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const bool literal = patterns[i].kind() == Pattern::Kind::literal;
    (literal ? literal_pattern : regex_pattern).push_back(i);
  }
  if (!regex_pattern.empty()) regexes.AllPotentials({}, &always);
}

PatternSet::PatternSet(std::vector<Pattern> patterns)
    : compiled_(std::make_shared<const CompiledPatterns>(std::move(patterns))) {}

std::size_t PatternSet::size() const noexcept {
  return compiled_->patterns.size();
}

const Pattern& PatternSet::operator[](std::size_t index) const noexcept {
  return compiled_->patterns[index];
}

}  // namespace vmfleet::console
