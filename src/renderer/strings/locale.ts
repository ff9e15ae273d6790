/** Numbers and dates follow the language of the catalogue, so that a sentence never mixes two. */
export const LOCALE = 'en-GB';
