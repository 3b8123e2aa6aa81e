// SPDX-License-Identifier: MIT
// Small text utilities: splitting, quoting, sanitising, near misses, name patterns.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace vmfleet {

std::string_view trim(std::string_view text) noexcept;
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// What is put in is not looked at again. `what` is not empty.
std::string replace_all(std::string_view text, std::string_view what, std::string_view by);

/// Quoted for a POSIX shell when it must be.
std::string shell_quote(std::string_view word);
std::string shell_join(const std::vector<std::string>& argv);

/// Guest text for a terminal: escape sequences and control characters become visible escapes
/// (`\x1b`), tabs stay, invalid UTF-8 becomes `\xNN`.
std::string sanitize(std::string_view text);

/// What another program or a guest has said last: the lines that are not blank, sanitised.
std::vector<std::string> last_lines(std::string_view text, std::size_t most = 20);

/// The candidate that a mistyped word most likely meant, or "" when none is near.
std::string_view nearest(std::string_view word, const std::vector<std::string>& candidates);
/// The candidates that it may have meant, at most `most`, the likeliest first.
std::vector<std::string> near_ones(std::string_view word,
                                   const std::vector<std::string>& candidates, std::size_t most);

/// `web-{1..3}` → web-1 web-2 web-3; text without braces stands for itself.
std::vector<std::string> expand_braces(std::string_view pattern);
/// Shell globs: `*`, `?`, `[a-z]`.
bool glob_match(std::string_view pattern, std::string_view name) noexcept;

/// Lower-case hex of the FNV-1a 64 hash: for checksums and short names, not for security.
std::string short_hash(std::string_view data);

}  // namespace vmfleet
