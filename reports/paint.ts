import { styleText } from 'node:util';

const STYLES = {
  good: 'green',
  bad: 'red',
  warn: 'yellow',
  dim: 'dim',
  bold: 'bold',
} as const;

/** Colours a text, or leaves it as it is. */
export type Paint = (style: keyof typeof STYLES, text: string) => string;

/** The caller decides about colour (NO_COLOR, FORCE_COLOR, terminal); no stream is asked again. */
export function painter(colour: boolean): Paint {
  if (!colour) return (_style, text) => text;
  return (style, text) => (text === '' ? '' : styleText(STYLES[style], text, { validateStream: false }));
}
