// breaks: no-undeclared-packages
import FastUri from 'fast-uri'
export const fault = FastUri
