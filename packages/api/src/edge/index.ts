export { fieldTexts } from './field-texts.ts';
